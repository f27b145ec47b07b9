import Foundation
import Graft

/// `graft merge`
enum MergeOptions {
    static let adapters = Option.repeated(
        "adapter", .weightedFolder,
        "an adapter folder, with a weight that its changes are multiplied by, or without; several are merged one"
            + " after the other")
    static let head = Option.optional(
        "head", .text("NAME"),
        "the adapter whose head the folder gets, by the name of its folder, where several have one")
    static let layers = Option.optional(
        "layers", .layers, "merge what the adapter changes in these layers alone; --rest says where the rest goes")
    static let rest = Option.optional(
        "rest", .path("DIR"), "with --layers: the adapter folder to write for the rest, which goes on the merged model")

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
                    SharedOptions.model.specification, adapters.specification, output.specification,
                    head.specification, layers.specification, rest.specification, type.specification,
                    samples.specification, tolerance.specification,
                    SharedOptions.Fields.text.specification, SharedOptions.Fields.pair.specification,
                    SharedOptions.allowOtherBase.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.json.specification, SharedOptions.Output.quiet.specification]),
        ],
        check: check)

    private static func check(_ values: OptionValues) throws(CommandLineError) {
        guard values.isGiven(layers) || values.isGiven(rest) else { return }
        guard values.isGiven(layers) else {
            throw .conflict("--rest is for what --layers leaves; name the layers to merge")
        }
        guard values.isGiven(rest) else {
            throw .conflict("--layers leaves a rest that is still an adapter; name a folder for it with --rest")
        }
        guard values[adapters].count == 1, values[adapters][0].weight == 1, !values.isGiven(head) else {
            throw .conflict(
                "--layers is for one adapter without a weight; merge the others first, into a folder of their own")
        }
    }
}
