/// `graft pull`
enum PullOptions {
    static let command = CommandSpecification(
        name: "pull", summary: "fetches a model into the local cache, verifies it and prints its folder",
        discussion: [
            "A model that is in graft's cache or in the Hugging Face cache already is used from there."
        ],
        argument: .init(
            valueName: "MODEL", help: "the Hub id: sentence-transformers/all-MiniLM-L6-v2", count: .one),
        groups: [.init("Output", [SharedOptions.Output.quiet.specification])])
}
