import Foundation
import Graft

/// `graft extract`
enum ExtractOptions {
    static let base = Option.required(
        "base", .text("MODEL"), "the model that training began with: a folder, or a Hub id in the local cache")
    static let tuned = Option.required("tuned", .text("MODEL"), "the fine-tuned model of the same shape")
    static let output = Option.required("output", .path("DIR"), "the adapter folder to write")
    static let rank = Option.optional("rank", .integer("N", in: 1...4096), "the adapter's rank, the same for all maps")
    static let energy = Option.optional(
        "energy", .number("X", in: 1e-6...1.0),
        "instead of --rank: the share of each map's difference to keep, such as 0.99; ranks then differ by map")
    static let keep = Option.defaulted(
        "keep", .keptParts, default: [.norms, .biases],
        "what else that differs is kept whole, beside the linear maps' weights; the rest is named and left out")

    static let command = CommandSpecification(
        name: "extract", summary: "makes an adapter of a base model and a fine-tuned one",
        discussion: [
            "Each linear map's difference becomes a LoRA, the best of its rank by singular values. Says what share of each"
                + " difference it keeps, what else differs, and how far the answers are from the tuned model's on sample texts. A head"
                + " that the tuned model has becomes the adapter's."
        ],
        groups: [
            .init(
                "Data",
                [
                    base.specification, tuned.specification, output.specification,
                    CombineOptions.samples.specification, SharedOptions.Fields.text.specification,
                    SharedOptions.Fields.pair.specification,
                ]),
            .init("Extraction", [rank.specification, energy.specification, keep.specification]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.json.specification, SharedOptions.Output.quiet.specification]),
        ],
        check: { values throws(CommandLineError) in
            guard (values[rank] == nil) != (values[energy] == nil) else {
                throw .conflict("how large the adapter is, --rank or --energy says; give one of them")
            }
        })
}

extension ValueKind where Value == Set<Extraction.Kept> {
    /// Parts with commas between them, or `none`.
    static var keptParts: ValueKind {
        let names = Extraction.Kept.allCases.map(\.rawValue)
        return ValueKind(
            valueName: "PARTS", expected: "\(names.joined(separator: ", ")), several of these with commas, or none",
            read: { text in
                guard text != "none" else { return [] }
                let parts = text.split(separator: ",", omittingEmptySubsequences: false).map {
                    Extraction.Kept(rawValue: String($0))
                }
                let found = parts.compactMap { $0 }
                return found.count == parts.count && Set(found).count == found.count ? Set(found) : nil
            },
            write: { kept in
                kept.isEmpty
                    ? "none" : Extraction.Kept.allCases.filter(kept.contains).map(\.rawValue).joined(separator: ",")
            })
    }
}
