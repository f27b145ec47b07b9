import Foundation
import Graft

/// `graft merge`
enum MergeOptions {
    static let output = Option.required("output", .path("DIR"), "the model folder to write")
    static let type = Option.optional(
        "type",
        .choice([("float32", ElementType.float32), ("bfloat16", .bfloat16), ("float16", .float16)]),
        "the type of the merged weights in the file; that of the base model if left out")

    static let samples = Option.optional(
        "samples", .path("FILE"), "texts to compare on; a dozen sentences of Graft's own if left out")
    static let tolerance = Option.optional(
        "tolerance", .number("X", in: 0...1),
        "the largest difference that is accepted; if left out 0.0001, for float16 0.005, for bfloat16 0.05")

    static let command = CommandSpecification(
        name: "merge", summary: "writes a plain model folder with the adapter merged into the weights",
        discussion: [
            "Prints the largest difference between the answers of the merged and the adapted model on sample texts, and"
                + " writes nothing if it is too large."
        ],
        groups: [
            .init(
                "Data",
                [
                    SharedOptions.model.specification, SharedOptions.adapter.specification, output.specification,
                    type.specification, samples.specification, tolerance.specification,
                    SharedOptions.Fields.text.specification, SharedOptions.Fields.pair.specification,
                    SharedOptions.allowOtherBase.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.json.specification, SharedOptions.Output.quiet.specification]),
        ])
}
