import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import Testing
import TestSupport

/// Several tasks in one run, stages, and heads that are frozen.
@Suite(.serialized) struct SeveralTasksTests {
    private static let words = [
        ["team", "won", "match", "game", "goal", "player", "season", "coach"],
        ["shares", "bank", "fell", "rose", "market", "money", "profit", "price"],
    ]

    /// Texts of sport and of money: the topic, or how long the text is.
    private static func texts(_ count: Int, seed: UInt64, byLength: Bool = false, source: String) -> Dataset {
        var random = RandomStream(seed: seed, name: "texts")
        return Dataset(
            (0..<count).map { index in
                let length = 3 + Int(random.next() % 9)
                let words = (0..<length).map { _ in Self.words[index % 2][Int(random.next() % 8)] }
                let label = byLength ? (length > 6 ? "long" : "short") : (index % 2 == 0 ? "sport" : "money")
                return Example(words.joined(separator: " "), label: .name(label))
            }, source: source)
    }

    private var options: TrainingOptions {
        var options = TrainingOptions()
        (options.epochs, options.batchSize, options.learningRate) = (3, 8, 1e-2)
        return options
    }

    private let recipe = AdapterRecipe(rank: 4, alpha: 8, projections: TinyEncoder.projections)

    private func model() throws -> AdaptedModel { try AdaptedModel(contentsOf: TinyEncoder.folder) }

    /// Topics and lengths through one adapter.
    private func run(sameTexts: Bool = false, stages: [TrainingStage]? = nil) -> TrainingRun {
        let (topics, lengths) = ("topics.jsonl", sameTexts ? "topics.jsonl" : "lengths.jsonl")
        return TrainingRun(
            tasks: [
                .init(
                    "topics", training: Self.texts(40, seed: 1, source: topics),
                    evaluation: Self.texts(20, seed: 3, source: "eval"), adapter: "shared"),
                .init(
                    "lengths",
                    training: Self.texts(sameTexts ? 40 : 24, seed: sameTexts ? 1 : 2, byLength: true, source: lengths),
                    evaluation: Self.texts(20, seed: 3, byLength: true, source: "eval"), adapter: "shared"),
            ], adapters: [.init("shared", .new(recipe))],
            stages: stages ?? [TrainingStage("training", options)])
    }

    private func train(
        _ run: TrainingRun, _ checkpoints: TrainingCheckpoints? = nil, threads: Int = 2,
        report: (TrainingProgress) -> Continuation = { _ in .more }
    ) throws -> TrainedRun {
        let before = Parallel.threads
        defer { Parallel.threads = before }
        Parallel.threads = threads
        var model = try model()
        return try model.train(run, baseModel: "tiny", checkpoints: checkpoints) { progress, _ in report(progress) }
    }

    // MARK: Several tasks

    @Test func tasksShareAnAdapterAndEachIsAWholeTaskOfItsOwn() throws {
        let folder = try TemporaryFolder()
        var model = try model()
        let trained = try model.train(run(), baseModel: "tiny") { _, _ in .more }
        #expect(trained.report.unmoved.isEmpty)
        #expect(trained.report.epochs.allSatisfy { $0.taskScores.map(\.task) == ["topics", "lengths"] })
        let best = try #require(trained.report.best)
        for (name, task) in trained.tasks {
            let url = folder.appending(name)
            try task.task.write(to: url, card: "")
            var again = try self.model()
            try again.load(name, from: url)
            let data = Self.texts(20, seed: 3, byLength: name == "lengths", source: "eval")
            let scores = try again.evaluate(name, on: data)
            #expect(scores == best.taskScores.first { $0.task == name }?.scores)
        }
        let (topics, lengths) = (trained.tasks[0].task.task, trained.tasks[1].task.task)
        #expect(topics.bundle?.parameters.values == lengths.bundle?.parameters.values)
        #expect(topics.head?.labels == ["money", "sport"] && lengths.head?.labels == ["long", "short"])
    }

    @Test func aTaskBesideAnotherOneWithAnAdapterOfItsOwnKeepsItsBytes() throws {
        var run = run()
        run.adapters = [.init("a", .new(recipe)), .init("b", .new(recipe))]
        (run.tasks[0].adapter, run.tasks[1].adapter) = ("a", "b")
        let trained = try train(run)
        let (first, second) = (trained.tasks[0].task.task, trained.tasks[1].task.task)
        #expect(first.bundle?.parameters.values != second.bundle?.parameters.values)
        #expect(trained.report.unmoved.isEmpty)
        #expect(trained.report.trainedParameters == first.parameters.layout.count + second.parameters.layout.count)
    }

    @Test(arguments: [false, true])
    func theNumberOfThreadsDoesNotShow(sameTexts: Bool) throws {
        let one = try train(run(sameTexts: sameTexts), threads: 1).tasks.map(\.task.task.parameters.values)
        #expect(try train(run(sameTexts: sameTexts), threads: 3).tasks.map(\.task.task.parameters.values) == one)
    }

    @Test func aStepOnTextsThatTasksShareIsTheSumOfTheirSteps() throws {
        // Without dropout, with plain steps: the gradient of a shared pass is that of two.
        var options = options
        (options.dropsInsideEncoder, options.epochs, options.batchSize) = (false, 1, 40)
        let stages = [TrainingStage("one step", options)]
        let together = try train(run(sameTexts: true, stages: stages))
        var apart = run(sameTexts: true, stages: stages)
        apart.tasks[1].training = Self.texts(40, seed: 1, byLength: true, source: "other.jsonl")
        // Apart, a step has half as many draws of each, so each loss counts half: twice the weight makes up for it.
        apart.stages[0].options.batchSize = 80
        for task in apart.tasks.indices { apart.tasks[task].weight = 2 }
        let difference = zip(
            together.tasks[0].task.task.parameters.values, try train(apart).tasks[0].task.task.parameters.values
        ).map { abs($0 - $1) }.max()
        #expect(try #require(difference) < 1e-4)
    }

    @Test func quotasFollowTheMixing() {
        let counts = [100, 10, 1]
        func draws(_ mixing: TaskMixing) -> [Int] { mixing.quotas(of: counts) }
        #expect(draws(.proportional) == [100, 10, 1])
        #expect(draws(.even) == [37, 37, 37])
        #expect(draws(.temperature(1)) == [100, 10, 1])
        let warm = draws(.temperature(2))
        #expect(warm.reduce(0, +) == 111 && warm[0] > warm[1] && warm[1] > warm[2] && warm[2] > 1)
    }

    // MARK: Frozen heads

    @Test func aFrozenHeadKeepsItsBytesWhileItsTaskIsWatched() throws {
        var model = try model()
        let first = try model.train(
            "topics", on: Self.texts(40, seed: 1, source: "a"), recipe: recipe, options, baseModel: nil
        ) { _ in .more }
        let head = try #require(first.task.head)
        let bundle = try #require(first.task.bundle)
        var run = TrainingRun(
            tasks: [
                .init(
                    "lengths", training: Self.texts(40, seed: 2, byLength: true, source: "b"),
                    evaluation: Self.texts(20, seed: 3, byLength: true, source: "c"), adapter: "shared"),
                .init(
                    "topics", training: nil, evaluation: Self.texts(20, seed: 3, source: "d"),
                    head: .saved(head, isFrozen: true), adapter: "shared"),
            ], adapters: [.init("shared", .saved(bundle))], stages: [TrainingStage("training", options)])
        let trained = try train(run)
        let watched = try #require(trained.tasks.last?.task.task)
        #expect(watched.head?.tensors == head.tensors, "bit for bit")
        #expect(watched.bundle?.parameters.values != bundle.parameters.values, "the adapter trains")
        #expect(trained.report.epochs.allSatisfy { $0.taskScores.count == 2 })
        #expect(trained.report.harmedTask == nil)

        // Any loss of accuracy is too much: a high rate harms it, the run stops, and keeps no harmed epoch.
        run.tasks[1].maximumDrop = -1
        let harmed = try train(run)
        #expect(harmed.report.harmedTask == "topics" && harmed.report.epochs.count == 1)
        #expect(harmed.tasks[0].task.task.bundle?.parameters.values == bundle.parameters.values)
    }

    // MARK: Stages

    @Test func stagesTrainWhatTheySayAndBestStatesAreKept() throws {
        let stages = [
            TrainingStage("heads", trains: .init(adapters: false), options),
            TrainingStage("adapters", options),
            TrainingStage("top layer", trains: .init(layers: [2]), options),
        ]
        var model = try model()
        var snapshots: [[Float]] = []
        let trained = try model.train(run(stages: stages), baseModel: "tiny") { progress, tasks in
            if case .stage = progress { snapshots.append(tasks()[0].task.bundle?.parameters.values ?? []) }
            return .more
        }
        #expect(snapshots.count == 3)
        #expect(trained.report.stages.map(\.name) == ["heads", "adapters", "top layer"])
        #expect(Set(trained.report.stages[0].trained.keys) == [.heads])
        #expect(Set(trained.report.stages[1].trained.keys) == [.heads, .adapters])
        #expect(trained.report.stages[2].trained[.layers] ?? 0 > 0)
        #expect(snapshots[0] != snapshots[1] && snapshots[1] != snapshots[2])
        let best = try #require(trained.report.bestStage)
        let scores = trained.report.stages.compactMap(\.score)
        #expect(scores.max() == scores[best - 1])
    }

    @Test(arguments: [4, 9, 22, 40, 45])
    func resumedInAnyStageARunOfSeveralTasksComesToTheSameBytes(step: Int) throws {
        let folder = try TemporaryFolder()
        let file = folder.appending("run.safetensors")
        let stages = [
            TrainingStage("heads", trains: .init(adapters: false), options), TrainingStage("adapters", options),
        ]
        let expected = try train(run(stages: stages))
        #expect(expected.report.steps == 48)
        let stopped = try train(run(stages: stages), TrainingCheckpoints(in: file), threads: 1) { progress in
            if case .step(let at) = progress, at.step == step { return .stop }
            return .more
        }
        #expect(stopped.report.isInterrupted)
        let resumed = try train(run(stages: stages), TrainingCheckpoints(in: file, resuming: true))
        #expect(resumed.tasks.map(\.task.task.parameters.values) == expected.tasks.map(\.task.task.parameters.values))
        #expect(resumed.report.bestStage == expected.report.bestStage)
        #expect(resumed.report.epochs.map(\.loss) == expected.report.epochs.map(\.loss))
    }

    // MARK: Refused

    @Test func whatCannotBeTrainedIsRefusedByName() throws {
        func refusal(_ change: (inout TrainingRun) -> Void) -> TrainingError? {
            var run = run()
            change(&run)
            return #expect(throws: TrainingError.self) { try train(run) }
        }
        #expect(refusal { $0.tasks[1].name = "topics" } == .twice(task: "topics"))
        #expect(
            refusal { $0.tasks[1].adapter = "other" } == .noSuchAdapter("other", task: "lengths", adapters: ["shared"]))
        #expect(refusal { $0.tasks[1].training = nil } == .untrainedHead(task: "lengths"))
        #expect(refusal { $0.stages[0].trains.heads = false } == .untrainedHead(task: "topics"))
        #expect(
            refusal { $0.stages.append(TrainingStage("none", trains: .init(heads: false, adapters: false), options)) }
                == .nothingTrains(stage: "none"))
    }
}
