/// `graft pull`
enum PullOptions {
    static let revision = Option.optional(
        "revision", .text("REV"), "the branch, tag or commit to fetch; main if left out, or what follows MODEL@")

    static let command = CommandSpecification(
        name: "pull", summary: "fetches a model into the local cache, verifies it and prints its folder",
        discussion: [
            "The cache is the one that Hugging Face's Python libraries use (HF_HUB_CACHE, HF_HOME): what either has "
                + "fetched, the other finds. Private and gated models need a token (HF_TOKEN, or what 'hf auth login' "
                + "keeps). With HF_HUB_OFFLINE=1 the answer is what is in the cache."
        ],
        argument: .init(
            valueName: "MODEL",
            help: "the Hub id: sentence-transformers/all-MiniLM-L6-v2, or with a revision: owner/name@v1", count: .one),
        groups: [
            .init("Model", [revision.specification]), .init("Output", [SharedOptions.Output.quiet.specification]),
        ])
}
