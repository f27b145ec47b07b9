import Encoders
import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Many texts, a few and one: the same answers, in the order of the texts.
@Suite(.serialized) struct TextBlocksTests {
    /// Texts of 1 to 60 words.
    private static func texts(_ count: Int) -> [TextInput] {
        let words = ["team", "won", "match", "game", "goal", "shares", "bank", "fell", "rose", "market"]
        var random = RandomStream(seed: 5, name: "texts")
        return (0..<count).map { index in
            let text = (0..<1 + Int(random.next() % 60)).map { _ in words[Int(random.next() % 10)] }
            return TextInput(text.joined(separator: " "), pairedWith: index % 7 == 0 ? "the second text" : nil)
        }
    }

    /// Two untrained tasks that cut texts to different lengths.
    private static func model() throws -> AdaptedModel {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        for (name, labels, limit) in [("first", ["a", "b"], 20), ("second", ["x", "y", "z"], 40)] {
            let head = ClassificationHead(labels: labels, hiddenSize: 32, pooling: .mean)
            var values = ParameterVector(head.parameters)
            head.initialize(&values, seed: UInt64(limit))
            let files = HeadFiles(head, values, maximumTokens: limit, on: model.encoder)
            model.add(name, TaskAdapter(bundle: nil, head: files))
        }
        return model
    }

    private func withThreads<Result>(_ count: Int, _ body: () throws -> Result) rethrows -> Result {
        let before = Parallel.threads
        defer { Parallel.threads = before }
        Parallel.threads = count
        return try body()
    }

    @Test func severalBlocksGiveWhatEachTextGivesAlone() throws {
        let (model, texts) = (try Self.model(), Self.texts(1100))
        var blocks: [Int] = []
        var embeddings: [[Float]] = []
        try model.embed(texts, each: { ($0, $1) }) { block in
            #expect(zip(block, texts[embeddings.count...]).allSatisfy { $0.0 == $1 })
            blocks.append(block.count)
            embeddings += block.map(\.1)
        }
        #expect(blocks.count > 1 && blocks.reduce(0, +) == texts.count && blocks.allSatisfy { $0 <= 512 })
        for index in stride(from: 0, to: texts.count, by: 37) {
            #expect(try model.embed([texts[index]]) == [embeddings[index]], "text \(index)")
        }
    }

    @Test(arguments: [0, 1, 2, 3, 64, 65, 600])
    func theNumberOfThreadsDoesNotShow(count: Int) throws {
        let (model, texts) = (try Self.model(), Self.texts(count))
        func answers(_ threads: Int) throws -> ([[Float]], [Prediction]) {
            try withThreads(threads) {
                var predictions: [Prediction] = []
                try model.predict(texts, tasks: ["second", "first"], each: { $0 }, deliver: { predictions += $0 })
                return (try model.embed(texts), predictions)
            }
        }
        let one = try answers(1)
        #expect(one.0.count == count && one.1.count == 2 * count)
        for threads in [2, 5] {
            let several = try answers(threads)
            #expect(several.0 == one.0 && several.1 == one.1, "\(threads) threads")
        }
    }

    @Test func severalTasksAnswerTextAfterText() throws {
        let (model, texts) = (try Self.model(), Self.texts(700))
        var answers: [Prediction] = []
        try model.predict(texts, tasks: ["second", "first"], each: { $0 }, deliver: { answers += $0 })
        #expect(answers == (try model.predict(texts.flatMap { [($0, "second"), ($0, "first")] })))
        #expect(try model.predict(texts, task: "first") == answers.filter { $0.task == "first" })
    }

    @Test func whatDeliveryThrowsEndsTheWork() throws {
        struct Full: Error {}
        var count = 0
        #expect(throws: Full.self) {
            try Self.model().embed(Self.texts(1100), each: { $1 }) { _ in
                count += 1
                throw Full()
            }
        }
        #expect(count == 1)
        #expect(throws: PredictionError.self) { try Self.model().predict(["a"], task: "third") }
        #expect(throws: PredictionError.self) { try Self.model().embed(["a"], task: "third") }
    }
}
