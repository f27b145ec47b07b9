/// `graft predict`
enum PredictOptions {
    static let adapters = Option.repeated(
        "adapter", .path("DIR"),
        "an adapter folder; each answers every text. Without one, the model's own head answers",
        isRequired: false)

    static let command = CommandSpecification(
        name: "predict", summary: "answers texts: prints one JSON object a line for each text and adapter",
        argument: .init(valueName: "TEXT", help: "a text, where there is no --input", count: .any),
        groups: [
            .init(
                "Data",
                [
                    SharedOptions.model.specification, adapters.specification, SharedOptions.input.specification,
                    SharedOptions.Fields.text.specification, SharedOptions.Fields.pair.specification,
                    SharedOptions.allowOtherBase.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.quiet.specification]),
        ],
        check: SharedOptions.checkTexts)
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
