/// `graft embed`
enum EmbedOptions {
    static let adapter = Option.optional("adapter", .path("DIR"), "an adapter folder; without it the base model alone")
    static let prompt = Option.optional(
        "prompt", .anyText("TEXT"),
        "a text to put before each, \"\" for none; the model folder's default prompt if left out")
    static let promptName = Option.optional(
        "prompt-name", .text("NAME"), "the prompt of the model folder to put before each text")

    static let command = CommandSpecification(
        name: "embed", summary: "prints the sentence embedding of each text, one JSON object a line",
        argument: .init(valueName: "TEXT", help: "a text, where there is no --input", count: .any),
        groups: [
            .init(
                "Data",
                [
                    SharedOptions.model.specification, adapter.specification, SharedOptions.input.specification,
                    SharedOptions.Fields.text.specification, SharedOptions.Fields.pair.specification,
                    prompt.specification, promptName.specification, SharedOptions.allowOtherBase.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.quiet.specification]),
        ],
        check: check)

    private static func check(_ values: OptionValues) throws(CommandLineError) {
        try SharedOptions.checkTexts(values)
        if let text = values[prompt], let name = values[promptName] {
            throw .conflict("there is a --prompt '\(text)' and a --prompt-name '\(name)'; give one of them")
        }
    }
}
