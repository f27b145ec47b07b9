/// `graft inspect`
enum InspectOptions {
    static let command = CommandSpecification(
        name: "inspect", summary: "shows what is in a model folder, an adapter folder or a .safetensors file",
        argument: .init(
            valueName: "PATH", help: "the folder or file, or the Hub id of a model in the local cache", count: .one),
        groups: [.init("Output", [SharedOptions.Output.json.specification])])
}
