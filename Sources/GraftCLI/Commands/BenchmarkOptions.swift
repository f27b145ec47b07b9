/// `graft benchmark`
enum BenchmarkOptions {
    /// What can be measured, in the order of measuring and of the report.
    enum Section: String, CaseIterable, Sendable { case ceilings, products, inference, training, adapters, load }

    static let data = Option.optional(
        "data", .path("FILE"),
        "texts to measure on; if left out those of 'graft demo' where they are in the cache, else a dozen sentences of"
            + " Graft's own")
    static let limit = Option.defaulted(
        "limit", .integer("N", in: 1...Int.max), default: 128, "measure on N of the texts alone, drawn once")
    static let only = Option.defaulted(
        "only", .list("NAMES", of: .choice(of: Section.self)), default: Section.allCases,
        "what to measure: \(Section.allCases.map(\.rawValue).joined(separator: ", "))")
    static let seconds = Option.defaulted(
        "seconds", .number("X", in: 0...3600.0), default: 1,
        "how long to measure each figure, after a run that warms up")

    static let command = CommandSpecification(
        name: "benchmark",
        summary: "measures this machine and this encoder: speed, where a training step's time goes, memory",
        discussion: [
            "Figures are medians; ceilings are the fastest of several runs. Products and ceilings count a multiply-add as two"
                + " operations. The shares of a ceiling are those of the operations that the model asks for, not of what is"
                + " computed again. Peak memory is that of the process so far, so each line has the ones above it in it.",
            "On one machine at one hour figures can be compared; otherwise only their ratios.",
        ],
        groups: [
            .init(
                "Data",
                [
                    SharedOptions.model.specification, data.specification, limit.specification,
                    SharedOptions.Fields.text.specification, SharedOptions.Fields.pair.specification,
                ]),
            .init("Measuring", [only.specification, seconds.specification]),
            .init(
                "Training",
                [
                    TrainOptions.batchSize.specification, TrainOptions.maximumTokens.specification,
                    TrainOptions.rank.specification, TrainOptions.targets.specification,
                    TrainOptions.layers.specification, TrainOptions.noDropout.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.json.specification, SharedOptions.Output.quiet.specification]),
        ])
}
