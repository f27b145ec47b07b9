import Adapters
import Encoders
import FineTuning
import Foundation
import TestSupport
import Testing

/// What is said of a run before it, and after it, on the tiny encoder: 3 layers, 32 wide.
@Suite struct TrainingPlanTests {
    private static let words = [["team", "won", "match", "goal"], ["shares", "bank", "fell", "market"]]

    private static func texts(_ count: Int) -> [(text: String, topic: Int)] {
        (0..<count).map { index in
            let words = (0..<3 + index % 4).map { Self.words[index % 2][(index / 2 + $0) % 4] }
            return (words.joined(separator: " "), index % 2)
        }
    }

    private static func data(_ count: Int, _ label: (Int) -> Example.Label) -> Dataset {
        Dataset(
            texts(count).enumerated().map { Example($1.text, label: label($1.topic), line: $0 + 1) }, source: "a.jsonl")
    }

    private static func topics(_ count: Int) -> Dataset { data(count) { .name(["sport", "money"][$0]) } }

    private func run(_ data: Dataset, adapter: AdapterRecipe? = nil, _ trains: TrainingStage.Trains...) -> TrainingRun {
        var options = TrainingOptions()
        (options.epochs, options.batchSize) = (2, 8)
        return TrainingRun(
            tasks: [.init("task", training: data, evaluation: data, adapter: adapter == nil ? nil : "own")],
            adapters: adapter.map { [.init("own", .new($0))] } ?? [],
            stages: trains.enumerated().map { TrainingStage("stage \($0)", trains: $1, options) })
    }

    private func plan(_ run: TrainingRun) throws -> TrainingPlan {
        try AdaptedModel(contentsOf: TinyEncoder.folder).plan(run)
    }

    @Test func countsWhatTrainsByGroup() throws {
        let recipe = AdapterRecipe(rank: 4, projections: [.query, .value])
        let plan = try plan(
            run(
                Self.topics(16), adapter: recipe, .init(adapters: false), .init(),
                .init(layers: [2], embeddings: true), .init(adapters: false, norms: true, biases: true)))
        let groups = plan.stages.map { stage in
            Dictionary(uniqueKeysWithValues: stage.groups.map { ($0.name, $0.parameters) })
        }
        let (heads, adapters) = (2 * 33, 3 * 2 * 2 * 4 * 32)
        #expect(groups[0] == ["heads": heads])
        #expect(groups[1] == ["heads": heads, "adapters": adapters])
        #expect(groups[2]["adapters"] == adapters && groups[2]["layers"] ?? 0 > 0 && groups[2]["embeddings"] ?? 0 > 0)
        #expect(groups[3]["adapters"] == nil && groups[3]["norms"] ?? 0 > 0 && groups[3]["biases"] ?? 0 > 0)
        #expect(plan.stages[0].groups[0].bytes == 4 * heads)
        #expect(plan.settings.contains { $0.name.hasSuffix("learning rates") })
        // What the stages train is at most the encoder, the adapters and the heads.
        #expect(plan.stages[2].parameters < plan.encoderParameters + adapters + heads)
    }

    @Test func everyNumberOfTheEncoderTrainsWhereAllIsUnfrozen() throws {
        let plan = try plan(run(Self.topics(8), .init(adapters: false, layers: [0, 1, 2], embeddings: true)))
        #expect(plan.stages[0].parameters == plan.encoderParameters + 2 * 33)
        #expect(
            plan.stages[0].cost.firstEpoch == 1 && plan.stages[0].cost.laterEpochs == 1, "full fine-tuning is itself")
        #expect(plan.stages[0].kept == nil, "nothing below is frozen")
    }

    @Test func costsFallWithTheLayersThatAreFrozen() throws {
        func cost(_ layers: [Int]) throws -> StageCost {
            let recipe = AdapterRecipe(rank: 4, projections: [.query], layers: layers)
            return try plan(run(Self.topics(16), adapter: recipe, .init())).stages[0].cost
        }
        let (all, upper, top) = (try cost([0, 1, 2]), try cost([1, 2]), try cost([2]))
        #expect(all.firstEpoch == all.laterEpochs && all.laterEpochs > 0.66 && all.laterEpochs < 1)
        #expect(abs(upper.laterEpochs - all.laterEpochs * 2 / 3) < 1e-9)
        #expect(abs(top.laterEpochs - all.laterEpochs / 3) < 1e-9)
        // In the first epoch the frozen layers run forward too: a third of what they are in full fine-tuning.
        #expect(abs(top.firstEpoch - top.laterEpochs - 2 / 9.0) < 1e-9)
        let heads = try plan(run(Self.topics(16), .init(adapters: false))).stages[0]
        #expect(abs(heads.cost.firstEpoch - 1 / 3.0) < 1e-9 && heads.cost.laterEpochs == 0)
        // Of each of 16 texts, trained on and scored on, one vector.
        #expect(heads.kept?.bytes == 2 * 16 * 32 * 4 && heads.kept?.isInMemory == true)
    }

    @Test func saysNothingIsKeptWhereTheCacheIsOffOrOneEpochIsAll() throws {
        var run = run(Self.topics(16), .init(adapters: false))
        run.stages[0].options.reusesFrozenLayers = false
        let off = try plan(run).stages[0]
        #expect(off.kept == nil && abs(off.cost.laterEpochs - 1 / 3.0) < 1e-9)
        run.stages[0].options.reusesFrozenLayers = true
        run.stages[0].options.featureMemory = 0
        #expect(try plan(run).stages[0].kept?.isInMemory == false)
        run.stages[0].options.epochs = 1
        #expect(try plan(run).stages[0].kept == nil)
    }

    @Test func linesSayWhatTrainsAndWhatItCosts() throws {
        let lines = try plan(run(Self.topics(16), .init(adapters: false), .init(adapters: false, layers: [2]))).lines
        #expect(lines[0].hasPrefix("the encoder is bert of 3 layers, 32 wide, "))
        #expect(lines.contains("stage 1 of 2, stage 0: heads, 2 epochs"))
        #expect(lines.contains { $0.hasPrefix("  trains  heads 66 (264 B), ") })
        #expect(lines.contains("  costs   33 % of full fine-tuning in the first epoch, 0 % in later ones"))
        #expect(lines.contains("  keeps   what frozen layers give of all texts, 4.1 kB in memory"))
        #expect(lines.contains { $0.hasPrefix("  Layer 2 of the encoder trains whole") })
        #expect(lines.allSatisfy { $0.count <= 100 || $0.hasPrefix("  trains") })
    }

    // MARK: Afterwards

    @Test func outcomesOfClassesAgreeWithScoresAndPredictions() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let data = Self.topics(24)
        _ = try model.train(run(data, .init(adapters: false)), baseModel: nil) { _, _ in .more }
        let outcomes = try model.outcomes("task", on: data)
        let predictions = try model.predict(data.inputs, task: "task")
        #expect(outcomes.map(\.answered) == predictions.compactMap(\.label))
        #expect(outcomes.map(\.expected) == data.examples.map { $0.label?.className })
        #expect(outcomes.map(\.line) == Array(1...24))
        let scores = try #require(try model.evaluate("task", on: data).classification)
        #expect(outcomes.count { $0.isRight == true } == scores.correct)
        for (outcome, prediction) in zip(outcomes, predictions) {
            let score = prediction.classification?.scores.first { $0.label == outcome.expected }?.score ?? 0
            #expect(abs(outcome.loss + log(Double(score))) < 1e-5)
        }
    }

    @Test func outcomesOfNumbersAreSquaredErrors() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let data = Self.data(12) { .number(Double($0) + 0.5) }
        _ = try model.train(run(data, .init(adapters: false)), baseModel: nil) { _, _ in .more }
        for outcome in try model.outcomes("task", on: data) {
            let numbers = try #require(outcome.numbers)
            let error = numbers.answered - numbers.expected
            #expect(abs(outcome.loss - error * error) < 1e-5)
            #expect(outcome.isRight == nil)
        }
    }

    @Test func outcomesOfTagsCompareEntities() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let data = Dataset(
            (0..<8).map { Example(tokens: ["the", "team", "won"], tags: ["O", "B-thing", "O"], line: $0 + 1) }
                + [Example(tokens: ["the", "bank"], tags: ["O", "O"], line: 9)])
        _ = try model.train(run(data, .init(adapters: false)), baseModel: nil) { _, _ in .more }
        let outcomes = try model.outcomes("task", on: data)
        #expect(outcomes[0].expected == "thing: team" && outcomes[8].expected == "no entity")
        for outcome in outcomes { #expect((outcome.answered == outcome.expected) == outcome.isRight) }
        #expect(outcomes.allSatisfy { $0.loss > 0 })
    }

    @Test func outcomesOfPairsAreErrorsOfTheirCosines() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let data = Dataset(
            (0..<8).map {
                Example(
                    "the team won", pairedWith: "the \(["team", "bank"][$0 % 2]) won",
                    label: .number($0 % 2 == 0 ? 1 : 0.25))
            })
        let recipe = AdapterRecipe(rank: 2, projections: [.query])
        _ = try model.train(run(data, adapter: recipe, .init()), baseModel: nil) { _, _ in .more }
        for outcome in try model.outcomes("task", on: data) {
            let numbers = try #require(outcome.numbers)
            #expect(abs(outcome.loss - pow(numbers.answered - numbers.expected, 2)) < 1e-9)
            #expect(outcome.answered.hasPrefix("cosine "))
        }
    }

    @Test func aRecordHoldsWhatARunCameTo() throws {
        let folder = try TemporaryFolder()
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let run = run(Self.topics(24), .init(adapters: false), .init(adapters: false, norms: true))
        let plan = try model.plan(run)
        let log = try MetricsLog(at: folder.appending("m.jsonl"))
        let trained = try model.train(run, baseModel: nil) { event, _ in
            try log.append(event)
            return .more
        }
        let record = try RunRecord(
            name: "out", baseModel: "tiny", run, plan, trained, log, on: model, program: "graft",
            command: "graft train",
            seconds: 1, peakMemory: 1, machine: "this one")
        #expect(
            record.steps.map(\.step) == Array(1...12)
                && record.steps.map(\.stage) == Array(repeating: 1, count: 6) + Array(repeating: 2, count: 6))
        #expect(record.evaluations.map(\.step) == [3, 6, 9, 12])
        #expect(record.steps.allSatisfy { $0.tokens > 0 && $0.losses.keys.sorted() == ["task"] })
        #expect(record.steps[0].learningRates.keys.sorted() == ["heads"])
        #expect(record.steps[11].learningRates.keys.sorted() == ["heads", "norms"])
        #expect(record.stages.map(\.parameters) == plan.stages.map(\.parameters))
        #expect(
            record.stages.allSatisfy {
                $0.epochsDone == 2 && $0.scores["task"] != nil && $0.metrics["task"] == "accuracy"
            })
        #expect(record.tasks[0].scores == trained.report.scores && record.tasks[0].outcomes.count == 24)
        // What was kept of the evaluation is what the task answers.
        #expect(
            record.tasks[0].outcomes.map(\.answered)
                == (try model.outcomes("task", on: run.tasks[0].evaluation ?? Self.topics(24))).map(\.answered))
        for (kept, again) in zip(record.tasks[0].outcomes, try model.outcomes("task", on: Self.topics(24))) {
            #expect(abs(kept.loss - again.loss) < 1e-5)
        }
        #expect(record.settings.map(\.title).contains("Stage 2, stage 1"))
        #expect(ReportPage(record).html.contains("Stages side by side"))
    }
}
