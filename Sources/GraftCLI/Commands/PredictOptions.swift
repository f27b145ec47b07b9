/// `graft predict`
enum PredictOptions {
    static let adapters = Option.repeated(
        "adapter", .weightedFolder,
        "an adapter folder; each answers every text. With a weight, its changes are multiplied by that. Without"
            + " one, the model's own head answers",
        isRequired: false)
    static let taskField = Option.optional(
        "task-field", .text("NAME"),
        "the field or column of --input that says which adapter answers a text, by the name of its folder; if left"
            + " out, each adapter answers every text")

    static let command = CommandSpecification(
        name: "predict", summary: "answers texts: prints one JSON object a line for each text and adapter",
        argument: .init(valueName: "TEXT", help: "a text, where there is no --input", count: .any),
        groups: [
            .init(
                "Data",
                [
                    SharedOptions.model.specification, adapters.specification, SharedOptions.input.specification,
                    SharedOptions.Fields.text.specification, SharedOptions.Fields.pair.specification,
                    taskField.specification, SharedOptions.allowOtherBase.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.quiet.specification]),
        ],
        check: check)

    private static func check(_ values: OptionValues) throws(CommandLineError) {
        try SharedOptions.checkTexts(values)
        guard values.isGiven(taskField) else { return }
        guard let input = values[SharedOptions.input], input.relativePath != "-" else {
            throw .conflict("--task-field names a field of a file; give one with --input FILE")
        }
        guard !values[adapters].isEmpty else {
            throw .conflict("--task-field says which adapter answers, and there is none; name them with --adapter DIR")
        }
    }
}

extension SharedOptions {
    /// Texts come from the line or from `--input`, from one of them.
    static func checkTexts(_ values: OptionValues) throws(CommandLineError) {
        if values.isGiven(input), let text = values.arguments.first {
            throw .conflict("there is an --input and the text '\(text)'; give one of them")
        }
        if !values.isGiven(input), values.arguments.isEmpty {
            throw .conflict("there is no text; give one in quotes, or --input FILE, or --input - for standard input")
        }
    }
}
