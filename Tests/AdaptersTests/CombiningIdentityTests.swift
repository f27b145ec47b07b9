import Adapters
import Encoders
import Foundation
import Matrices
import TestSupport
import Testing

/// One adapter at weight 1 is itself, by every way of combining, whatever its method: also where it is no change of weights and could
/// be combined with nothing else.
@Suite struct CombiningIdentityTests {
    /// A method with settings.
    struct Subject: Sendable, CustomTestStringConvertible {
        let method: String
        var settings: [String: MethodSettings.Value] = [:]
        var projections: [Projection]?
        var unfreezing = Unfreezing()

        var testDescription: String {
            method + (settings.isEmpty ? "" : " with \(settings.keys.sorted().joined(separator: ", "))")
                + (unfreezing.isEmpty ? "" : " and more")
        }
    }

    static let variants = [
        Subject(method: "lora", settings: ["rank_stabilized": .flag(true)]),
        Subject(method: "lora", settings: ["dora": .flag(true)]),
        Subject(method: "lora", settings: ["lora_bias": .flag(true)]),
        Subject(method: "lora", settings: ["bias": .text("lora_only")]),
        Subject(method: "lora", settings: ["train_a": .flag(false)]),
        Subject(method: "lora", settings: ["tokens": .list([.number(5), .number(9)])]),
        Subject(method: "lora", settings: ["initialization": .text("pissa")]),
        Subject(
            method: "lora", projections: TinyEncoder.projections, unfreezing: Unfreezing(norms: true, biases: true)),
        Subject(method: "lora", unfreezing: Unfreezing(layers: [1], embeddings: true)),
    ]

    @Test(arguments: AdapterMethods.all.map { Subject(method: $0.name) } + variants)
    func oneAdapterAtWeightOneIsItselfByteForByte(subject: Subject) throws {
        let encoder = try TinyEncoder.load()
        let original = try TemporaryFolder()
        try trained(subject, encoder, in: original).write(into: original.appending("adapter"))
        let bundle = try AdapterBundle(contentsOf: original.appending("adapter"), for: encoder)
        for method in CombiningMethod.allCases {
            let combination = try Combining(method).combine([.init("one", bundle, weight: 1)], on: encoder)
            let folder = try TemporaryFolder()
            try combination.bundle.write(into: folder.url)
            let (old, new) = (try files(in: original.appending("adapter")), try files(in: folder.url))
            #expect(!old.isEmpty && old == new, "\(method)")
            #expect(combination.meantEncoder(of: encoder) == nil)
        }
    }

    /// An adapter every number of which has moved.
    private func trained(
        _ subject: Subject, _ encoder: TransformerEncoder, in folder: TemporaryFolder
    ) throws -> AdapterBundle {
        var settings = subject.settings
        if subject.method == "fusion" {
            let parts = try ["first", "second"].map { name in
                let place = folder.appending(name)
                try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
                try trained(Subject(method: "pfeiffer"), encoder, in: folder).write(into: place)
                return place.path(percentEncoded: false)
            }
            settings["adapters"] = .list(parts.map { .text($0) })
        }
        let method = try #require(AdapterMethods.named(subject.method)).init(MethodSettings(settings))
        let recipe = subject.projections.map { AdapterRecipe(method, projections: $0) } ?? AdapterRecipe(method)
        let start = try recipe.fresh(for: encoder, seed: 5)
        let adapters =
            subject.unfreezing.isEmpty
            ? start.adapters : try subject.unfreezing.deltas(for: encoder, over: start.adapters)
        var values = ParameterVector(adapters.parameters)
        for parameter in adapters.parameters {
            var random = RandomStream(seed: 9, name: parameter.name)
            let hasStart = start.adapters.parameters.contains(parameter)
            let old = hasStart ? start.parameters[parameter].values : values[parameter].values
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns, values: old.map { $0 + 0.05 * random.normal() })
        }
        try FileManager.default.createDirectory(
            at: folder.appending("adapter"), withIntermediateDirectories: true)
        return AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: "tiny-bert")
    }

    private func files(in folder: URL) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path(percentEncoded: false)) {
            files[name] = try? Data(contentsOf: folder.appending(path: name))
        }
        return files
    }
}
