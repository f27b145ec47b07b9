/// `graft embed`
enum EmbedOptions {
    static let adapter = Option.optional("adapter", .path("DIR"), "an adapter folder; without it the base model alone")

    static let command = CommandSpecification(
        name: "embed", summary: "prints the sentence embedding of each text, one JSON object a line",
        argument: .init(valueName: "TEXT", help: "a text, where there is no --input", count: .any),
        groups: [
            .init(
                "Data",
                [
                    SharedOptions.model.specification, adapter.specification, SharedOptions.input.specification,
                    SharedOptions.Fields.text.specification, SharedOptions.Fields.pair.specification,
                    SharedOptions.allowOtherBase.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.quiet.specification]),
        ],
        check: SharedOptions.checkTexts)
}
