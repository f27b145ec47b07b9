import Foundation
import Graft

/// `graft combine`
enum CombineOptions {
    static let model = Option.optional(
        "model", .text("MODEL"),
        "the encoder: a folder, or a Hub id that is in the local cache; the first adapter's own base if left out")
    static let adapters = Option.repeated(
        "adapter", .weightedFolder, "an adapter folder and its weight, 1 if left out; below 0 it is taken away")
    static let output = Option.required("output", .path("DIR"), "the adapter folder to write")
    static let method = Option.defaulted(
        "method", .choice(of: CombiningMethod.self), default: .cat,
        "cat is exact, svd the best of its rank, linear PEFT's approximation; the others prune first")
    static let rank = Option.optional(
        "rank", .integer("N", in: 1...4096), "the new rank; the largest of the adapters' if left out")
    static let energy = Option.optional(
        "energy", .number("X", in: 0.0...1), "instead of --rank: the share of each change's energy to keep")
    static let density = Option.optional(
        "density", .number("X", in: 0.0...1),
        "the share of numbers that pruning leaves; 0.5 if left out, 1 for a single adapter")
    static let seed = Option.defaulted(
        "seed", .integer("N", in: 0...UInt64.max), default: 0, "where the random choices of dare come from")
    static let head = Option.optional(
        "head", .text("FROM"),
        "the adapter whose head is kept, 'average', or 'none'; needed where the adapters' heads differ")

    static let samples = Option.optional(
        "samples", .path("FILE"), "texts to compare on; a dozen sentences of Graft's own if left out")

    static let command = CommandSpecification(
        name: "combine", summary: "makes one adapter of several: sums, differences, and pruned sums",
        discussion: [
            "Everything is done to the changes of weights that the adapters mean, whatever their method, rank and scale. Says how far"
                + " the new adapter is from the very change that the method means, and how far its answers are on sample texts.",
            "One adapter with weight 1 comes out as it is; with weight -1 it is negated.",
        ],
        groups: [
            .init(
                "Data",
                [
                    model.specification, adapters.specification, output.specification, samples.specification,
                    SharedOptions.Fields.text.specification, SharedOptions.Fields.pair.specification,
                    SharedOptions.allowOtherBase.specification,
                ]),
            .init(
                "Combination",
                [
                    method.specification, rank.specification, energy.specification, density.specification,
                    seed.specification, head.specification,
                ]),
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.json.specification, SharedOptions.Output.quiet.specification]),
        ],
        check: { values throws(CommandLineError) in
            let chosen = values[method]
            if values[density] != nil, !chosen.prunes {
                throw .conflict("--density says nothing with --method \(chosen.rawValue): it prunes nothing")
            }
            if values[rank] != nil, values[energy] != nil {
                throw .conflict("--rank and --energy both say how large the adapter is; leave one out")
            }
            if values[rank] != nil || values[energy] != nil, chosen == .cat || chosen == .linear {
                throw .conflict(
                    "--method \(chosen.rawValue) has a rank of its own; leave --rank and --energy out, or use svd")
            }
            let folders = values[adapters].map(\.folder.relativePath)
            if let twice = folders.first(where: { folder in folders.count { $0 == folder } > 1 }) {
                throw .conflict("the adapter \(twice) is given twice; give it once, with the sum of its weights")
            }
        })
}
