import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// A tagging task from data to answers, on the tiny encoder.
@Suite(.serialized) struct TaggingTaskTests {
    /// Sentences of random words in which some words, alone or in twos, are entities.
    static func sentences(_ count: Int, seed: UInt64, length: Range<Int> = 3..<14) -> Dataset {
        let plain = ["the", "won", "match", "was", "with", "on", "fell", "rose", "today", "last", ",", "“", "”", "."]
        let entities = [
            (["coach"], ["B-person"]), (["player"], ["B-person"]), (["new", "phone"], ["B-product", "I-product"]),
            (["fast", "chip"], ["B-product", "I-product"]), (["bank"], ["B-firm"]),
        ]
        var random = RandomStream(seed: seed, name: "sentences")
        return Dataset(
            (0..<count).map { index in
                var (tokens, tags) = ([String](), [String]())
                let end = length.lowerBound + Int(random.next() % UInt64(length.count))
                while tokens.count < end {
                    if random.next() % 3 == 0 {
                        let entity = entities[Int(random.next() % UInt64(entities.count))]
                        tokens += entity.0
                        tags += entity.1
                    } else {
                        tokens.append(plain[Int(random.next() % UInt64(plain.count))])
                        tags.append("O")
                    }
                }
                return Example(tokens: tokens, tags: tags, line: index + 1)
            }, source: "sentences.jsonl")
    }

    private static let options = {
        var options = TrainingOptions()
        (options.epochs, options.batchSize, options.learningRate) = (14, 8, 2e-2)
        return options
    }()

    private func train(
        _ model: inout AdaptedModel, _ options: TrainingOptions = options, as objective: Objective? = nil,
        on data: Dataset = sentences(96, seed: 1), _ checkpoints: TrainingCheckpoints? = nil, until step: Int? = nil
    ) throws -> TrainedTask {
        try model.train(
            "names", as: objective, on: data, evaluatingOn: TaggingTaskTests.sentences(40, seed: 2),
            recipe: AdapterRecipe(rank: 4, alpha: 8, dropoutRate: 0.1), options, baseModel: "tiny",
            checkpoints: checkpoints
        ) { progress in
            if case .step(let progress) = progress, progress.step == step { return .stop }
            return .more
        }
    }

    @Test func learnsEntitiesAndFindsThemInText() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let trained = try train(&model)
        let scores = try #require(trained.report.scores?.tagging)
        #expect(scores.f1 > 0.9, "\(scores.f1)")
        #expect(scores.sentences == 40 && scores.types.map(\.type) == ["firm", "person", "product"])
        #expect(trained.report.unmoved.isEmpty)
        #expect(
            trained.labelCounts.map(\.label)
                == ["O", "B-firm", "B-person", "B-product", "I-firm", "I-person", "I-product"])
        #expect(trained.labelCounts.first { $0.label == "I-firm" }?.count == 0)

        let text = "Today the COACH,  and “new phone” rose."
        let answer = try #require(try model.predict([TextInput(text)], task: "names").first)
        #expect(answer.label == nil)
        let entities = try #require(answer.entities)
        #expect(entities.map(\.text) == ["COACH", "new phone"])
        #expect(entities.map(\.label) == ["person", "product"])
        #expect(entities.map(\.start) == [10, 23] && entities.map(\.end) == [15, 32])
        #expect(entities.allSatisfy { $0.score > 0.3 && $0.score <= 1 })
        let words = TextInput(words: ["new", "phone", "and", "the", "bank"])
        #expect(try model.predict([words], task: "names")[0].entities?.map(\.text) == ["new phone", "bank"])
        #expect(try model.predict(["", "  "], task: "names").map(\.entities) == [[], []])
    }

    @Test func theBestEpochIsTheOneOfTheHighestEntityF1() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        var options = TaggingTaskTests.options
        (options.epochs, options.learningRate, options.schedule) = (12, 6e-2, .constant)
        let report = try train(&model, options).report
        let figures = report.epochs.compactMap { $0.scores?.tagging?.f1 }
        #expect(figures.count == 12)
        let best = try #require(report.bestEpoch)
        #expect(figures.firstIndex(of: figures.max() ?? 0) == best - 1, "\(figures)")
        #expect(try model.evaluate("names", on: TaggingTaskTests.sentences(40, seed: 2)) == report.scores)
    }

    @Test func isWrittenReadAndMergedAsAnyTask() throws {
        let folder = try TemporaryFolder()
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let trained = try train(&model)
        try trained.task.write(to: folder.appending("names"), card: "# names\n")
        let config = try fields(of: folder.appending("names/head_config.json"))
        #expect(config["head_type"] as? String == "tagging" && config["pooling"] == nil)

        var other = try AdaptedModel(contentsOf: TinyEncoder.folder)
        try other.load("names", from: folder.appending("names"))
        let texts = TaggingTaskTests.sentences(20, seed: 3).inputs + ["the coach, the bank"]
        #expect(try other.predict(texts, task: "names") == model.predict(texts, task: "names"))

        let certificate = try Merge(other, base: TinyEncoder.folder).write(
            "names", to: folder.appending("merged"), samples: texts)
        #expect(certificate.holds && certificate.probabilityDifference ?? 1 < 1e-4)
        var merged = try AdaptedModel(contentsOf: folder.appending("merged"))
        try merged.load("names", from: folder.appending("merged"))
        let (found, expected) = (
            try merged.predict(texts, task: "names").map { $0.entities?.map(\.start) },
            try model.predict(texts, task: "names").map { $0.entities?.map(\.start) }
        )
        #expect(found == expected)
    }

    @Test func refusesAHeadOfTagsThatAreNone() throws {
        let folder = try TemporaryFolder()
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        var options = TaggingTaskTests.options
        options.epochs = 1
        try train(&model, options).task.write(to: folder.appending("names"), card: "")
        let file = folder.appending("names/head_config.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        try Data(text.replacing("\"I-firm\"", with: "\"firm\"").utf8).write(to: file)
        let error = #expect(throws: TaskAdapterError.self) { try model.load("names", from: folder.appending("names")) }
        #expect(
            error?.description.contains("expected tags: O, or B-, I-, E- or S- and a type") == true,
            "\(String(describing: error))")
    }

    @Test func readsALongSentenceInWindows() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        var options = TaggingTaskTests.options
        options.maximumTokens = 16
        // Sentences of up to 150 words: far over 16 tokens, and over the encoder's 64 positions.
        let long = TaggingTaskTests.sentences(30, seed: 5, length: 20..<150)
        let trained = try train(&model, options, on: long)
        #expect(
            trained.labelCounts.reduce(0) { $0 + $1.count } == long.examples.reduce(0) { $0 + ($1.tokens?.count ?? 0) })
        let scores = try #require(try model.evaluate("names", on: long).tagging)
        #expect(scores.sentences == 30 && scores.f1 > 0.8, "\(scores.f1)")
        #expect(scores.words == long.examples.reduce(0) { $0 + ($1.tokens?.count ?? 0) })
        // What the answers say is what the scores counted.
        let answers = try model.predict(long.inputs, task: "names")
        let (found, right) = zip(answers, long.examples).reduce((0, 0)) { sums, pair in
            guard case .tags(let tags) = pair.1.label else { return sums }
            let words = pair.1.input.taggedWords
            let known = Set(
                TaggedSpan.all(in: tags).map {
                    "\($0.type) \(words[$0.words.lowerBound].start) \(words[$0.words.upperBound - 1].end)"
                })
            let entities = pair.0.entities ?? []
            return (
                sums.0 + entities.count, sums.1 + entities.count { known.contains("\($0.label) \($0.start) \($0.end)") }
            )
        }
        #expect(found == scores.types.reduce(0) { $0 + $1.predicted })
        #expect(right == scores.types.reduce(0) { $0 + $1.correct })
    }

    @Test func sameSeedGivesTheSameBytesOnAnyNumberOfThreadsAndAfterResuming() throws {
        let file = try TemporaryFolder()
        func values(_ threads: Int, _ checkpoints: TrainingCheckpoints? = nil, until step: Int? = nil) throws -> [Float]
        {
            let before = Parallel.threads
            defer { Parallel.threads = before }
            Parallel.threads = threads
            var options = TaggingTaskTests.options
            options.epochs = 3
            var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
            return try train(&model, options, checkpoints, until: step).task.parameters.values
        }
        let expected = try values(1)
        #expect(try values(2) == expected)
        #expect(try values(5) == expected)
        let checkpoint = file.appending("run.safetensors")
        // The second epoch's middle: there are scores and a best epoch to keep.
        #expect(try values(2, TrainingCheckpoints(in: checkpoint), until: 18) != expected)
        #expect(try values(2, TrainingCheckpoints(in: checkpoint, resuming: true)) == expected)
    }

    @Test func aHeadAloneLearnsTheSameFromFeaturesThatAreKept() throws {
        func train(reusing: Bool) throws -> TrainedTask {
            var options = TaggingTaskTests.options
            (options.reusesFrozenLayers, options.dropsInsideEncoder, options.epochs) = (reusing, false, 3)
            var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
            return try model.train(
                "names", on: TaggingTaskTests.sentences(40, seed: 1),
                evaluatingOn: TaggingTaskTests.sentences(20, seed: 2), recipe: nil, options, baseModel: nil
            ) { _ in .more }
        }
        let (kept, computed) = (try train(reusing: true), try train(reusing: false))
        #expect(kept.task.parameters.values == computed.task.parameters.values)
        #expect(kept.report.scores == computed.report.scores && kept.report.unmoved.isEmpty)
    }

    @Test func answersBesideAClassification() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        var options = TaggingTaskTests.options
        options.epochs = 1
        _ = try train(&model, options)
        let texts = Dataset(["the team won", "the bank fell"].map { Example($0, label: .name($0)) })
        _ = try model.train("topic", on: texts, recipe: nil, options, baseModel: nil) { _ in .more }
        let answers = try model.predict([("the coach won", "names"), ("the coach won", "topic"), ("a bank", "names")])
        #expect(answers.map(\.task) == ["names", "topic", "names"])
        #expect(answers.map { $0.entities == nil } == [false, true, false])
        #expect(answers.map { $0.label == nil } == [true, false, true])
        let alone = try model.predict(["the coach won"], task: "names")
        #expect(alone[0] == answers[0])
    }

    @Test func refusesPairsAndObjectivesThatDoNotFit() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        var options = TaggingTaskTests.options
        options.epochs = 1
        _ = try train(&model, options)
        #expect(
            throws: PredictionError.unexpectedPair(task: "names", objective: .tagging, second: "b")
        ) { try model.predict([TextInput("a", pairedWith: "b")], task: "names") }
        #expect(throws: DataError.self) { try train(&model, options, as: .classification) }
        #expect(throws: DataError.self) { try train(&model, options, as: .multilabel) }
    }

    /// The fields of a JSON file.
    private func fields(of url: URL) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
    }
}
