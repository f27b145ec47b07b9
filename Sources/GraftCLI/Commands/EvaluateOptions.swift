/// `graft evaluate`
enum EvaluateOptions {
    static let adapter = Option.optional(
        "adapter", .path("DIR"), "the adapter folder; without it the model's own head answers")
    static let data = Option.required("data", .path("FILE"), "labelled texts")

    static let command = CommandSpecification(
        name: "evaluate", summary: "prints how well an adapter answers labelled texts",
        groups: [
            .init(
                "Data",
                [
                    SharedOptions.model.specification, adapter.specification, data.specification,
                    SharedOptions.Fields.text.specification, SharedOptions.Fields.pair.specification,
                    SharedOptions.Fields.label.specification, SharedOptions.allowOtherBase.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.json.specification, SharedOptions.Output.quiet.specification]),
        ])
}
