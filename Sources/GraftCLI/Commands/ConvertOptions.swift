import Foundation
import Graft

/// `graft convert`
enum ConvertOptions {
    static let adapter = Option.required(
        "adapter", .path("PATH"),
        "the adapter: a folder with PEFT's, AdapterHub's or mlx's files, or a GGUF file; which it is, is found out")
    static let format = Option.required(
        "to", .choice(of: AdapterFormat.self), "the program whose files are to be written")
    static let output = Option.required("output", .path("PATH"), "the folder to write, or the file for gguf")
    static let type = Option.optional(
        "type",
        .choice([("float32", ElementType.float32), ("bfloat16", .bfloat16), ("float16", .float16)]),
        "the type of the numbers in a GGUF file; float32 if left out")
    static let samples = Option.optional(
        "samples", .path("FILE"), "texts to compare on; a dozen sentences of Graft's own if left out")
    static let tolerance = Option.optional(
        "tolerance", .number("X", in: 0...1),
        "the largest difference that is accepted; if left out 0.00001, for float16 0.005, for bfloat16 0.05")

    static let command = CommandSpecification(
        name: "convert", summary: "writes an adapter in the files of another program",
        discussion: [
            "PEFT and AdapterHub's library keep their own methods, and both LoRA, DoRA and (IA)³; mlx keeps LoRA and DoRA, GGUF LoRA."
                + " What a format has no place for is refused, or named where it can stay behind, as heads do.",
            "Reads what was written, and prints the largest difference between the answers of both adapters on sample texts;"
                + " writes nothing if it is too large.",
        ],
        groups: [
            .init(
                "Data",
                [
                    SharedOptions.model.specification, adapter.specification, format.specification,
                    output.specification, type.specification, samples.specification, tolerance.specification,
                    SharedOptions.Fields.text.specification, SharedOptions.Fields.pair.specification,
                    SharedOptions.allowOtherBase.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.json.specification, SharedOptions.Output.quiet.specification]),
        ],
        check: { values throws(CommandLineError) in
            if values.isGiven(type), values[format] != .gguf {
                throw .conflict(
                    "--type is of the numbers in a GGUF file; --to \(values[format].rawValue) keeps float32")
            }
        })
}
