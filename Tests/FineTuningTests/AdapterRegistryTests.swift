import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import Synchronization
import TestSupport
import Testing

/// Adapters that come, go and change while others predict.
@Suite(.serialized) struct AdapterRegistryTests {
    private let base: AdaptedModel
    private let texts: [TextInput] = ["the team won the match", "shares of the bank fell", "a goal"]

    init() throws { base = try AdaptedModel(contentsOf: TinyEncoder.folder) }

    private func task(
        _ seed: UInt64, _ recipe: AdapterRecipe = AdapterRecipe(), _ unfreezing: Unfreezing = Unfreezing(),
        hasHead: Bool = true
    ) throws -> TaskAdapter {
        let encoder = base.encoder
        let adapters = try unfreezing.deltas(for: encoder, over: recipe.fresh(for: encoder, seed: seed).adapters)
        var values = ParameterVector(adapters.parameters)
        for parameter in adapters.parameters {
            var random = RandomStream(seed: seed, name: parameter.name)
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: (0..<parameter.count).map { _ in 0.2 * random.normal() })
        }
        let head = ClassificationHead(labels: ["a", "b"], hiddenSize: 32, pooling: .mean)
        var headValues = ParameterVector(head.parameters)
        head.initialize(&headValues, seed: seed)
        return TaskAdapter(
            bundle: AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: "tiny-bert"),
            head: hasHead ? HeadFiles(head, headValues, maximumTokens: 40, on: encoder) : nil)
    }

    private func registry(_ tasks: (String, TaskAdapter)...) throws -> AdapterRegistry {
        let registry = AdapterRegistry(base)
        for (name, task) in tasks { try registry.add(name, task) }
        return registry
    }

    private func embed(_ registry: AdapterRegistry, _ name: String?) throws -> [[Float]] {
        try registry.snapshot.embed(texts, task: name)
    }

    @Test func adaptersAreLoadedListedRenamedAndRemoved() throws {
        let folder = try TemporaryFolder()
        try task(1).write(to: folder.appending("topics"), card: "")
        let registry = AdapterRegistry(base)
        try registry.load("topics", from: folder.appending("topics"))
        try registry.add("other", task(2, AdapterRecipe(layers: [2]), hasHead: false))
        var entries = registry.entries
        #expect(entries.map(\.name) == ["other", "topics"])
        #expect(entries[1].what == "LoRA of rank 8 (alpha 16) on query, value in 3 layers")
        #expect(entries[0].what == "LoRA of rank 8 (alpha 16) on query, value in 1 layers")
        #expect(entries[1].baseModel == "tiny-bert")
        // Two maps of 8 · 32 + 32 · 8 in each of three layers, and a head of 2 · 32 + 2.
        #expect(entries[1].parameters == 3 * 2 * 2 * 8 * 32 + 66 && entries[1].bytes == 4 * entries[1].parameters)
        #expect(entries.allSatisfy { $0.scale == 1 && $0.isEnabled && $0.version == 1 })

        let before = try registry.snapshot.predict(texts, task: "topics").map(\.answer)
        try registry.rename("topics", to: "subjects")
        #expect(try registry.snapshot.predict(texts, task: "subjects").map(\.answer) == before)
        #expect(registry.snapshot.tasks["topics"] == nil)
        let taken = #expect(throws: RegistryError.self) { try registry.rename("subjects", to: "other") }
        guard case .nameTaken("other") = taken else { Issue.record("\(String(describing: taken))"); return }
        try registry.remove("subjects")
        let gone = #expect(throws: RegistryError.self) { try registry.remove("subjects") }
        #expect("\(try #require(gone))" == "there is no adapter 'subjects'; there is other")
        try registry.load("subjects", from: folder.appending("topics"))
        entries = registry.entries
        #expect(entries.map(\.name) == ["other", "subjects"] && entries[1].version == 2)
        #expect(throws: TaskAdapterError.self) { try registry.load("subjects", from: folder.appending("nothing")) }
        #expect(registry.entries == entries)
    }

    @Test func disablingAllGivesTheBaseBitForBit() throws {
        let registry = try registry(
            ("a", task(1)), ("b", task(2, AdapterRecipe(), Unfreezing(layers: [0], embeddings: true))))
        try registry.add("both", sumOf: [("a", 1), ("b", 0.5)])
        let (plain, bits) = (try embed(registry, nil), base.encoder.frozenBits)
        let adapted = try ["a", "b", "both"].map { try embed(registry, $0) }
        #expect(!adapted.contains(plain))
        try registry.setAll(enabled: false)
        for name in ["a", "b", "both"] { #expect(try embed(registry, name) == plain, "\(name)") }
        // The head goes on answering, on the encoder as it is.
        #expect(try registry.snapshot.predict(texts, task: "a").count == texts.count)
        try registry.enable("a")
        #expect(try embed(registry, "a") == adapted[0])
        #expect(try embed(registry, "both") == plain)
        try registry.setAll(enabled: true)
        #expect(try ["a", "b", "both"].map { try embed(registry, $0) } == adapted)
        #expect(base.encoder.frozenBits == bits)
    }

    @Test func aScaleMultipliesWhatIsAdded() throws {
        let registry = try registry(
            ("a", task(1, AdapterRecipe(alpha: 16))), ("half", task(1, AdapterRecipe(alpha: 8))))
        let (whole, half) = (try embed(registry, "a"), try embed(registry, "half"))
        try registry.setScale(0.5, of: "a")
        // Half of LoRA's scale is LoRA with half the alpha.
        #expect(try embed(registry, "a") == half)
        #expect(registry.entries[0].scale == 0.5)
        try registry.setScale(0, of: "a")
        #expect(try embed(registry, "a") == embed(registry, nil))
        try registry.setScale(1, of: "a")
        #expect(try embed(registry, "a") == whole)
        #expect(throws: RegistryError.self) { try registry.setScale(.nan, of: "a") }
    }

    @Test func aSumIsTheSumOfTheChanges() throws {
        // In one layer, where nothing is between the changes: of different maps they do not meet.
        let registry = try registry(
            ("a", task(1)), ("b", task(2, AdapterRecipe(rank: 3, projections: [.query, .output]))),
            ("c", task(3, AdapterRecipe(), Unfreezing(layers: [1], biases: true))))
        try registry.add("one", sumOf: [("a", 1)], headOf: "a")
        #expect(
            try registry.snapshot.predict(texts, task: "one").map(\.answer)
                == registry.snapshot.predict(texts, task: "a").map(\.answer))
        try registry.add("sum", sumOf: [("a", 0.5), ("b", -1), ("c", 2)])
        let terms = [("a", Float(0.5)), ("b", -1), ("c", 2)]
        // The same as merging the weighted changes of all three into the weights.
        var expected: [FrozenTensor: Matrix] = [:]
        for (name, weight) in terms {
            let task = try #require(registry.snapshot.tasks[name])
            for (tensor, values) in try base.encoder.mergedTensors(task.adapters, task.parameters) {
                let old = base.encoder.values(of: tensor)
                var change = values
                change.add(old, scale: -1)
                var sum = expected[tensor] ?? old
                sum.add(change, scale: weight)
                expected[tensor] = sum
            }
        }
        let sum = try #require(registry.snapshot.tasks["sum"])
        var batch = PackedBatch()
        batch.append(tokens: [2, 7, 9, 11, 3], segments: [0, 0, 0, 0, 0])
        let plain = Pass(parameters: ParameterVector([]))
        let merged = base.encoder.replacing(expected).forward(batch, adapters: .none, plain).hidden
        let live = base.encoder.forward(batch, adapters: sum.adapters, Pass(parameters: sum.parameters)).hidden
        #expect(Closeness.differenceOfLargest(live.values, merged.values) < 1e-4)
        let own = try base.encoder.merging(sum.adapters, sum.parameters).forward(batch, adapters: .none, plain).hidden
        #expect(Closeness.differenceOfLargest(own.values, merged.values) < 1e-4)
        #expect(registry.entries.first { $0.name == "sum" }?.what == "0.5 × a + -1 × b + 2 × c")
    }

    @Test func aSumFollowsItsParts() throws {
        let registry = try registry(("a", task(1)), ("b", task(2)))
        try registry.add("sum", sumOf: [("a", 1), ("b", 1)])
        let both = try embed(registry, "sum")
        try registry.disable("b")
        #expect(try embed(registry, "sum") == embed(registry, "a"))
        try registry.enable("b")
        #expect(try embed(registry, "sum") == both)
        try registry.add("b", task(3))
        #expect(try embed(registry, "sum") != both)
        try registry.rename("b", to: "c")
        #expect(registry.entries.first { $0.name == "sum" }?.what == "a + c")
        let used = #expect(throws: RegistryError.self) { try registry.remove("c") }
        #expect("\(try #require(used))" == "the adapter 'c' is part of sum; remove that first")
        #expect(throws: RegistryError.self) { try registry.add("more", sumOf: [("sum", 1)]) }
        #expect(throws: RegistryError.self) { try registry.add("more", sumOf: [("nobody", 1)]) }
        #expect(throws: RegistryError.self) { try registry.add("more", sumOf: []) }
        #expect(registry.entries.map(\.name) == ["a", "c", "sum"])
        let folder = try TemporaryFolder()
        #expect(throws: TaskAdapterError.self) {
            try registry.snapshot.tasks["sum"]?.write(to: folder.appending("sum"), card: "")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.appending("sum").path))
    }

    @Test func everyAnswerOfAStreamIsOfOneVersion() throws {
        let versions = try (1...6).map { try task($0) }
        let registry = try registry(("live", versions[0]), ("still", task(9)))
        let requests = (0..<12).map { (text: texts[$0 % 3], task: $0 % 4 == 3 ? "still" : "live") }
        let expected = try versions.map { version in
            var model = registry.snapshot
            model.add("live", version)
            return try model.predict(requests)
        }
        for (index, answers) in expected.enumerated() { #expect(expected.firstIndex(of: answers) == index) }
        // Nothing but versions, each whole; and what comes after a swap is not older than it.
        let rounds = 60
        let current = Mutex(0)
        let seen = Mutex<Set<Int>>([])
        let problems = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { worker in
            do {
                if worker == 0 {
                    for round in 1...rounds {
                        try registry.add("live", versions[round % versions.count])
                        current.withLock { $0 = round }
                        if round % 7 == 0 {
                            try registry.rename("still", to: "moved")
                            try registry.rename("moved", to: "still")
                        }
                    }
                    return
                }
                for _ in 0..<rounds {
                    let least = current.withLock { $0 }
                    let snapshot = registry.snapshot
                    guard snapshot.tasks["still"] != nil else { continue }
                    let answers = try snapshot.predict(requests)
                    let most = current.withLock { $0 } + 1
                    guard let version = expected.firstIndex(of: answers) else {
                        problems.withLock { $0.append("an answer of no version") }
                        continue
                    }
                    seen.withLock { _ = $0.insert(version) }
                    if !(least...most).contains(where: { $0 % versions.count == version }) {
                        problems.withLock { $0.append("version \(version), not of \(least) to \(most)") }
                    }
                }
            } catch { problems.withLock { $0.append("\(error)") } }
        }
        #expect(problems.withLock { $0 } == [])
        #expect(seen.withLock { $0.count } > 0)
    }
}
