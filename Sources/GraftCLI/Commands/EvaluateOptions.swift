/// `graft evaluate`
enum EvaluateOptions {
    static let data = Option.required("data", .path("FILE"), "labelled texts")

    static let command = CommandSpecification(
        name: "evaluate", summary: "prints how well an adapter answers labelled texts",
        groups: [
            .init(
                "Data",
                [
                    SharedOptions.model.specification, SharedOptions.adapter.specification, data.specification,
                    SharedOptions.Fields.text.specification, SharedOptions.Fields.pair.specification,
                    SharedOptions.Fields.label.specification, SharedOptions.allowOtherBase.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.json.specification, SharedOptions.Output.quiet.specification]),
        ])
}
