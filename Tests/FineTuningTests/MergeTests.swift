import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import Safetensors
import TestSupport
import Testing

/// Several adapters merged in order, at weights, in some layers; and taken away again.
@Suite(.serialized) struct MergeTests {
    private let model: AdaptedModel
    private let samples: [TextInput] = ["the team won the match", "shares of the bank fell", "a goal"]

    init() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let encoder = model.encoder
        let recipes: [(String, AdapterRecipe, Unfreezing, hasHead: Bool)] = [
            ("a", AdapterRecipe(rank: 3, projections: TinyEncoder.projections), Unfreezing(), true),
            ("b", AdapterRecipe(), Unfreezing(), false), ("c", AdapterRecipe(layers: [1, 2]), Unfreezing(), true),
            ("d", AdapterRecipe(), Unfreezing(layers: [0], embeddings: true, biases: true), false),
        ]
        for (index, (name, recipe, unfreezing, hasHead)) in recipes.enumerated() {
            let adapters = try unfreezing.deltas(for: encoder, over: recipe.fresh(for: encoder, seed: 1).adapters)
            var values = ParameterVector(adapters.parameters)
            for parameter in adapters.parameters {
                var random = RandomStream(seed: UInt64(index), name: parameter.name)
                values[parameter] = Matrix(
                    rows: parameter.rows, columns: parameter.columns,
                    values: (0..<parameter.count).map { _ in 0.1 * random.normal() })
            }
            let head = ClassificationHead(labels: ["x", "y", "z"], hiddenSize: 32, pooling: .mean)
            var headValues = ParameterVector(head.parameters)
            head.initialize(&headValues, seed: UInt64(index))
            let bundle = AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: "tiny-bert")
            let files = HeadFiles(head, headValues, maximumTokens: 40, on: encoder)
            model.add(name, TaskAdapter(bundle: bundle, head: hasHead ? files : nil))
        }
        self.model = model
    }

    private func merge(_ type: ElementType? = nil) -> Merge { Merge(model, base: TinyEncoder.folder, type: type) }

    @Test(arguments: [nil, ElementType.bfloat16, .float16], [["a"], ["a", "b"], ["b", "c", "a"], ["d", "b"]])
    func severalInOrderAreWhatTheirSumIs(type: ElementType?, names: [String]) throws {
        let folder = try TemporaryFolder()
        let weights: [Float] = [1, 0.5, -1]
        let steps = zip(names, weights).map { Merge.Step($0, weight: $1) }
        let head = names.contains("a") ? "a" : nil
        let bits = model.encoder.frozenBits
        let certificate = try merge(type).write(
            steps, headOf: head, to: folder.appending("merged"), samples: samples)
        #expect(certificate.holds && certificate.texts == 3)
        #expect((certificate.probabilityDifference == nil) == (head == nil))
        // Taking the merged one away is all there is to un-merging: the base was not written to.
        #expect(model.encoder.frozenBits == bits)

        let merged = try AdaptedModel(contentsOf: folder.appending("merged"))
        #expect(merged.encoder.fingerprint == certificate.fingerprint)
        let registry = AdapterRegistry(model)
        try registry.add("sum", sumOf: steps.map { ($0.task, $0.weight) }, headOf: head)
        let (live, plain) = (try registry.snapshot.embed(samples, task: "sum"), try merged.embed(samples))
        let difference = zip(live.joined(), plain.joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(difference <= certificate.tolerance && difference <= 2 * certificate.embeddingDifference + 1e-5)
        #expect(HeadFiles.exist(in: folder.appending("merged")) == (head != nil))
    }

    @Test func whatNoAdapterTouchesKeepsItsBytes() throws {
        let folder = try TemporaryFolder()
        _ = try merge().write([.init("c"), .init("c", weight: -0.5)], to: folder.appending("merged"), samples: samples)
        let before = try SafetensorsFile(contentsOf: TinyEncoder.folder.appending(path: "model.safetensors"))
        let after = try SafetensorsFile(contentsOf: folder.appending("merged/model.safetensors"))
        let changed = try before.names.filter { name in
            let (old, new) = (try before.tensor(named: name), try after.tensor(named: name))
            return old.withBytes { Data($0) } != new.withBytes { Data($0) }
        }
        let expected = [1, 2].flatMap { layer in
            ["query", "value"].map { "encoder.layer.\(layer).attention.self.\($0).weight" }
        }
        #expect(changed.sorted() == expected && after.names == before.names)
        // Once there and once back is the base again, but for rounding.
        _ = try merge().write([.init("c"), .init("c", weight: -1)], to: folder.appending("back"), samples: samples)
        let back = try AdaptedModel(contentsOf: folder.appending("back"))
        let (left, right) = (try back.embed(samples), try model.embed(samples))
        #expect(zip(left.joined(), right.joined()).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test(arguments: [["a", "1"], ["a", "0,2"], ["c", "2"], ["d", "0"]])
    func someLayersAreMergedAndTheRestStaysAnAdapter(_ words: [String]) throws {
        let (name, layers) = (words[0], Set(words[1].split(separator: ",").compactMap { Int($0) }))
        let folder = try TemporaryFolder()
        let (merged, rest) = (folder.appending("merged"), folder.appending("rest"))
        let certificate = try merge().write(
            name, layers: layers, to: merged, rest: rest, card: "# rest\n", samples: samples)
        #expect(certificate.holds)
        var other = try AdaptedModel(contentsOf: merged)
        try other.load(name, from: rest)
        let task = try #require(other.tasks[name])
        #expect(!task.adapters.isEmpty && task.adapters.sites.allSatisfy { !layers.contains($0.layer) })
        #expect((task.head == nil) == (model.tasks[name]?.head == nil))
        let (left, right) = (try other.embed(samples, task: name), try model.embed(samples, task: name))
        #expect(zip(left.joined(), right.joined()).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(try other.embed(samples) != model.embed(samples))
        // On the base that it was cut from, it would change some layers too few.
        var base = try AdaptedModel(contentsOf: TinyEncoder.folder)
        #expect(throws: TaskAdapterError.self) { try base.load(name, from: rest) }
    }

    @Test func layersWithoutOrWithAllChangesAreRefused() throws {
        let folder = try TemporaryFolder()
        func merge(_ layers: Set<Int>) throws {
            _ = try self.merge().write(
                "c", layers: layers, to: folder.appending("merged"), rest: folder.appending("rest"), card: "",
                samples: samples)
        }
        let none = #expect(throws: MergeError.self) { try merge([0]) }
        guard case .nothingInLayers([0]) = none else { Issue.record("\(String(describing: none))"); return }
        let all = #expect(throws: MergeError.self) { try merge([1, 2]) }
        guard case .nothingOutsideLayers([1, 2]) = all else { Issue.record("\(String(describing: all))"); return }
        let missing = #expect(throws: AdapterError.self) { try merge([2, 3]) }
        guard case .noSuchLayer(3, layers: 3) = missing else { Issue.record("\(String(describing: missing))"); return }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
    }

    @Test func severalHeadsAreAChoice() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: MergeError.self) {
            try merge().write([.init("a"), .init("c")], to: folder.appending("merged"), samples: samples)
        }
        guard case .severalHeads(["a", "c"]) = error else { Issue.record("\(String(describing: error))"); return }
        #expect(throws: PredictionError.self) {
            try merge().write([.init("a")], headOf: "b", to: folder.appending("merged"), samples: samples)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).isEmpty)
    }
}
