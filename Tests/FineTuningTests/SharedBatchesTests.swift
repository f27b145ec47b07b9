import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Texts that each have a task, and texts that have several: the answers of each task by itself.
@Suite(.serialized) struct SharedBatchesTests {
    /// Tasks with adapters of several kinds and heads of several kinds, some of them alike in part.
    static func model() throws -> AdaptedModel {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let encoder = model.encoder
        let recipes: [(name: String, recipe: AdapterRecipe?, unfreezing: Unfreezing, seed: UInt64)] = [
            ("all", AdapterRecipe(rank: 3, projections: TinyEncoder.projections), Unfreezing(), 1),
            ("top", AdapterRecipe(layers: [2]), Unfreezing(), 2),
            ("top again", AdapterRecipe(layers: [2]), Unfreezing(), 2),
            ("middle", AdapterRecipe(rank: 2, layers: [1, 2]), Unfreezing(), 3),
            ("none", nil, Unfreezing(), 4), ("norms", AdapterRecipe(), Unfreezing(norms: true), 5),
            ("words", nil, Unfreezing(embeddings: true), 6),
            ("bottlenecks", AdapterRecipe(try PfeifferMethod(MethodSettings())), Unfreezing(), 7),
            ("upper bottleneck", AdapterRecipe(try HoulsbyMethod(MethodSettings()), layers: [2]), Unfreezing(), 8),
            ("behind", AdapterRecipe(try LoReftMethod(MethodSettings()), layers: [1, 2]), Unfreezing(), 9),
            ("prefix", AdapterRecipe(PrefixTuningMethod(tokens: 3)), Unfreezing(), 10),
        ]
        for (name, recipe, unfreezing, seed) in recipes {
            var adapters = try recipe?.fresh(for: encoder, seed: seed).adapters ?? .none
            adapters = try unfreezing.deltas(for: encoder, over: adapters)
            var values = ParameterVector(adapters.parameters)
            for parameter in adapters.parameters {
                var random = RandomStream(seed: seed, name: parameter.name)
                values[parameter] = Matrix(
                    rows: parameter.rows, columns: parameter.columns,
                    values: (0..<parameter.count).map { _ in 0.2 * random.normal() })
            }
            let bundle =
                adapters.isEmpty
                ? nil : AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: nil)
            model.add(name, TaskAdapter(bundle: bundle, head: head(name, seed, encoder)))
        }
        return model
    }

    private static func head(_ name: String, _ seed: UInt64, _ encoder: TransformerEncoder) -> HeadFiles {
        let head: any Head =
            switch name {
            case "top": TaggingHead(labels: ["O", "B-x", "I-x"], hiddenSize: 32)
            case "middle": RegressionHead(hiddenSize: 32, pooling: .mean)
            default: ClassificationHead(labels: ["a", "b", "c"], hiddenSize: 32, pooling: .mean)
            }
        var values = ParameterVector(head.parameters)
        head.initialize(&values, seed: seed)
        return HeadFiles(head, values, maximumTokens: name == "none" ? 12 : 40, on: encoder)
    }

    static func texts(_ count: Int) -> [TextInput] {
        let words = ["team", "won", "match", "game", "goal", "shares", "bank", "fell", "rose", "market"]
        var random = RandomStream(seed: 5, name: "texts")
        return (0..<count).map { _ in
            TextInput(
                (0..<1 + Int(random.next() % 50)).map { _ in words[Int(random.next() % 10)] }.joined(separator: " "))
        }
    }

    private func withThreads<Result>(_ count: Int, _ body: () throws -> Result) rethrows -> Result {
        let before = Parallel.threads
        defer { Parallel.threads = before }
        Parallel.threads = count
        return try body()
    }

    @Test(arguments: [1, 2, 3, 40, 700])
    func eachTextIsAnsweredByItsTask(count: Int) throws {
        let model = try Self.model()
        let names = model.tasks.keys.sorted()
        var random = RandomStream(seed: 1, name: "tasks")
        let requests = Self.texts(count).map { (text: $0, task: names[Int(random.next() % UInt64(names.count))]) }
        let answers = try withThreads(1) { try model.predict(requests) }
        #expect(answers.map(\.task) == requests.map(\.task))
        #expect(answers.map(\.input) == requests.map(\.text))
        for name in names {
            let texts = requests.filter { $0.task == name }.map(\.text)
            #expect(try model.predict(texts, task: name) == answers.filter { $0.task == name }, "\(name)")
        }
        for index in stride(from: 0, to: count, by: 31) {
            #expect(try model.predict([requests[index].text], task: requests[index].task) == [answers[index]])
        }
        for threads in [2, 5] { #expect(try withThreads(threads) { try model.predict(requests) } == answers) }
    }

    @Test(arguments: [1, 2, 40, 600])
    func eachTextIsEmbeddedThroughItsTaskOrNone(count: Int) throws {
        let model = try Self.model()
        let names: [String?] = [nil] + model.tasks.keys.sorted()
        let requests = Self.texts(count).enumerated().map { (text: $1, task: names[$0 % names.count]) }
        let embeddings = try model.embed(requests)
        #expect(embeddings.count == count)
        for name in names {
            let own = requests.indices.filter { requests[$0].task == name }
            let alone = try model.embed(own.map { requests[$0].text }, task: name)
            #expect(alone == own.map { embeddings[$0] }, "\(name ?? "nil")")
        }
    }

    @Test(arguments: [1, 2, 40, 600])
    func severalTasksAnswerATextAsEachAlone(count: Int) throws {
        let (model, texts) = (try Self.model(), Self.texts(count))
        for names in [
            model.tasks.keys.sorted(), ["none", "upper bottleneck", "bottlenecks", "behind"], ["top", "top again"],
            ["none", "top", "all"], ["words", "norms", "words"],
        ] {
            for threads in [1, 2] {
                var answers: [Prediction] = []
                try withThreads(threads) {
                    try model.predict(texts, tasks: names, each: { $0 }, deliver: { answers += $0 })
                }
                #expect(answers.map(\.task) == texts.flatMap { _ in names })
                for (place, name) in names.enumerated() {
                    let own = stride(from: place, to: answers.count, by: names.count).map { answers[$0] }
                    #expect(try model.predict(texts, task: name) == own, "\(name) of \(names)")
                }
            }
        }
    }

    @Test func aTaskThatIsNotThereIsNamed() throws {
        let model = try Self.model()
        let error = #expect(throws: PredictionError.self) {
            try model.predict([(text: "a goal", task: "all"), (text: "a bank", task: "mood")])
        }
        #expect(
            "\(try #require(error))".hasPrefix(
                "no task 'mood' is loaded; there is all, behind, bottlenecks, middle, none"))
        #expect(throws: PredictionError.self) { try model.embed([(text: "a goal", task: "mood")]) }
        let pair = TextInput("a goal", pairedWith: "a bank")
        #expect(throws: PredictionError.self) { try model.predict([(text: pair, task: "top")]) }
        #expect(try model.predict([(text: pair, task: "all")]) == model.predict([pair], task: "all"))
    }
}
