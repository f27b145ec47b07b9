import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import Safetensors
import Testing
import TestSupport

/// A run that is stopped and resumed comes to the same bytes as one that is never stopped.
@Suite(.serialized) struct ResumeTests {
    /// A run on the tiny encoder of 4 epochs of 6 steps, with every kind of dropout on.
    private struct Run {
        var base = TinyEncoder.folder
        var recipe: AdapterRecipe? = AdapterRecipe(
            rank: 2, alpha: 4, dropoutRate: 0.1, projections: TinyEncoder.projections)
        var options = TrainingOptions()
        var training = texts(22, seed: 1)
        var evaluation: Dataset? = texts(20, seed: 17)
        var objective: Objective?

        init() { (options.epochs, options.batchSize, options.learningRate) = (4, 4, 1e-2) }

        /// Words of sport and of money, a third of them on the wrong side, so that more training is not always better.
        static func texts(_ count: Int, seed: UInt64) -> Dataset {
            let words = [
                ["team", "won", "match", "game", "goal", "player", "season", "coach"],
                ["shares", "bank", "fell", "rose", "market", "money", "profit", "price"],
            ]
            var random = RandomStream(seed: seed, name: "texts")
            return Dataset(
                (0..<count).map { index in
                    let length = 3 + Int(random.next() % 9)
                    let text = (0..<length).map { _ in
                        let topic = random.next() % 3 == 0 ? 1 - index % 2 : index % 2
                        return words[topic][Int(random.next() % 8)]
                    }
                    return Example(text.joined(separator: " "), label: .name(index % 2 == 0 ? "sport" : "money"))
                })
        }

        /// Trains to the end, or to the place where it is stopped.
        func train(
            _ checkpoints: TrainingCheckpoints? = nil, threads: Int = 2, until place: Place? = nil
        ) throws -> Result {
            let before = Parallel.threads
            defer { Parallel.threads = before }
            Parallel.threads = threads
            var model = try AdaptedModel(contentsOf: base)
            let trained = try model.train(
                "task", as: objective, on: training, evaluatingOn: evaluation, recipe: recipe, options,
                baseModel: "tiny",
                checkpoints: checkpoints
            ) { progress in
                switch (progress, place) {
                case (.step(let step), .step(let number)): step.step == number ? .stop : .more
                case (.epoch(let epoch), .epoch(let number)): epoch.epoch == number ? .stop : .more
                default: .more
                }
            }
            return Result(trained)
        }
    }

    private enum Place: CustomTestStringConvertible, Sendable {
        case step(Int)
        case epoch(Int)

        var testDescription: String {
            switch self {
            case .step(let step): "after step \(step)"
            case .epoch(let epoch): "after the evaluation of epoch \(epoch)"
            }
        }
    }

    /// All that a run comes to, but for its speed.
    private struct Result: Equatable {
        let values: [UInt32]
        let losses: [UInt64]
        let scores: [Scores?]
        let areBest: [Bool]
        let bestEpoch: Int?
        let steps: Int
        let unmoved: [String]
        let isInterrupted: Bool

        init(_ trained: TrainedTask) {
            let report = trained.report
            values = trained.task.parameters.values.map(\.bitPattern)
            losses = report.epochs.map(\.loss.bitPattern)
            (scores, areBest) = (report.epochs.map(\.scores), report.epochs.map(\.isBest))
            (bestEpoch, steps, unmoved) = (report.bestEpoch, report.steps, report.unmoved)
            isInterrupted = report.isInterrupted
        }
    }

    private let folder: TemporaryFolder
    private let file: URL

    init() throws {
        folder = try TemporaryFolder()
        file = folder.appending("new/run.safetensors")
    }

    private func stops(every interval: Int? = nil) -> TrainingCheckpoints {
        TrainingCheckpoints(in: file, everySteps: interval)
    }

    private func resumption(every interval: Int? = nil) -> TrainingCheckpoints {
        TrainingCheckpoints(in: file, everySteps: interval, resuming: true)
    }

    // MARK: The same bytes

    /// Scores of every kind are in a checkpoint, and the best epoch is known by them.
    @Test(arguments: [Objective.multilabel, .regression, .similarity])
    func aRunOfEveryObjectiveIsResumed(objective: Objective) throws {
        var run = Run()
        run.objective = objective
        func told(_ data: Dataset) -> Dataset {
            Dataset(
                data.examples.enumerated().map { index, example in
                    switch objective {
                    case .multilabel:
                        Example(example.text, label: .names(index % 3 == 0 ? [] : example.label?.names ?? []))
                    case .regression: Example(example.text, label: .number(Double(index % 5) - 1.5))
                    default: Example(example.text, pairedWith: data.examples[(index + 2) % data.count].text)
                    }
                })
        }
        (run.training, run.evaluation) = (told(run.training), run.evaluation.map(told))
        let whole = try run.train()
        #expect(whole.scores.allSatisfy { $0 != nil })
        #expect(try run.train(stops(), until: .step(15)).isInterrupted)
        #expect(try run.train(resumption()) == whole)
    }

    @Test func theRunOfTheseTestsHasItsBestEpochBeforeTheLast() throws {
        let result = try Run().train()
        #expect(result.steps == 24 && result.losses.count == 4 && result.unmoved.isEmpty)
        let best = try #require(result.bestEpoch)
        #expect((2...3).contains(best), "else resuming before and after the best epoch is not tested")
    }

    @Test(
        arguments: [
            .step(1), .step(5), .step(6), .epoch(1), .step(7), .step(12), .epoch(2), .step(15), .step(18), .epoch(3),
            .step(20), .step(23), .step(24),
        ] as [Place])
    private func resumedAnywhereARunComesToTheSameBytes(place: Place) throws {
        let run = Run()
        let expected = try run.train()
        let stopped = try run.train(stops(), threads: 1, until: place)
        #expect(stopped.isInterrupted && stopped != expected)
        #expect(try run.train(resumption(), threads: 2) == expected)
    }

    @Test func resumedAgainAndAgainARunComesToTheSameBytes() throws {
        let run = Run()
        let expected = try run.train(threads: 1)
        var plan = stops()
        for (index, place) in [Place.step(3), .step(4), .epoch(1), .step(11), .epoch(3), .step(24)].enumerated() {
            #expect(try run.train(plan, threads: 1 + index % 2, until: place).isInterrupted)
            plan = resumption()
        }
        #expect(try run.train(plan) == expected)
    }

    @Test(arguments: [1, 5, 6, 24])
    func aRunThatWasKilledGoesOnFromItsLastCheckpoint(interval: Int) throws {
        let run = Run()
        let expected = try run.train()
        // Nobody is told when a run is killed: what it leaves is what it wrote while it went on.
        #expect(try run.train(stops(every: interval)) == expected)
        let left = try Data(contentsOf: file)
        #expect(try run.train(resumption(every: interval)) == expected)
        #expect(try Data(contentsOf: file) == left, "equal states are equal bytes")
    }

    @Test func theIntervalIsKeptTo() throws {
        let run = Run()
        _ = try run.train(stops(every: 7))
        let state = try #require(try SafetensorsFile(contentsOf: file).metadata["state"])
        #expect(state.contains("\"steps\":21"))
        try stops().remove()
        _ = try run.train(stops(every: 25))
        #expect(!stops().exists)
    }

    @Test func withoutEvaluationAndWithoutAdapterARunResumesToo() throws {
        var run = Run()
        run.evaluation = nil
        for recipe in [run.recipe, nil] {
            run.recipe = recipe
            let expected = try run.train()
            _ = try run.train(stops(), until: .step(9))
            #expect(try run.train(resumption()) == expected)
        }
    }

    @Test func patienceCountsTheEpochsBeforeTheResumption() throws {
        var run = Run()
        (run.options.epochs, run.options.patience) = (20, 2)
        let expected = try run.train()
        let last = expected.losses.count
        try #require(last < 20 && last >= 3)
        _ = try run.train(stops(), until: .epoch(last - 1))
        #expect(try run.train(resumption()) == expected)
        // Stopped where it would have ended anyway, it is finished.
        #expect(try run.train(until: .epoch(last)) == expected)
    }

    @Test(arguments: [5, 8, 11, 13, 16, 20, 24])
    func averagesEvaluationsOnTheWayAndAccumulatedBatchesResumeToo(steps: Int) throws {
        var run = Run()
        run.options.averageDecay = 0.9
        (run.options.evaluationInterval, run.options.metric) = (4, "macro_f1")
        (run.options.accumulation, run.options.batchSize) = (2, 2)
        (run.options.schedule, run.options.cycles) = (.cosineWithRestarts, 3)
        let expected = try run.train()
        #expect(expected.losses.count == 6, "an evaluation each four steps")
        // Stopped there, it has a checkpoint of that step; killed, one of a step before.
        _ = try run.train(stops(), until: .step(steps))
        #expect(try run.train(resumption()) == expected)
        _ = try run.train(stops(every: steps))
        #expect(try run.train(resumption()) == expected)
    }

    @Test func aRunThatIsDoneSaysSoWhereItIsStartedOnceMore() throws {
        let (run, output) = (Run(), folder.appending("adapter"))
        func checkpoints() -> TrainingCheckpoints { TrainingCheckpoints(in: file, output: output) }
        var model = try AdaptedModel(contentsOf: run.base)
        func train(_ options: TrainingOptions) throws -> TrainedRun {
            let task = TrainingRun.Task(
                "task", training: run.training, evaluation: run.evaluation, adapter: nil)
            let stages = [TrainingStage("training", options)]
            return try model.train(
                TrainingRun(tasks: [task], adapters: [], stages: stages), baseModel: nil, checkpoints: checkpoints()
            ) { progress, _ in
                guard case .step(let step) = progress else { return .more }
                return step.step == 5 && options.seed == 9 ? .stop : .more
            }
        }
        let trained = try train(run.options)
        try trained.tasks[0].task.task.write(to: output, card: "", record: trained.record)
        let again = #expect(throws: TrainingCheckpointError.self) { _ = try train(run.options) }
        #expect(again == .finished(folder: output.relativePath))
        // Of another run the folder says nothing.
        var other = run.options
        other.seed = 9
        let stopped = try train(other)
        #expect(stopped.record == nil, "a run that was stopped is not done")
        other.seed = 8
        let another = try train(other)
        #expect(another.record != nil && another.record != trained.record)
    }

    // MARK: Refusals

    private func differences(_ run: Run, sourceLocation: SourceLocation = #_sourceLocation) throws -> [String] {
        _ = try Run().train(stops(), until: .step(8))
        let before = try Data(contentsOf: file)
        let error = #expect(throws: TrainingCheckpointError.self, sourceLocation: sourceLocation) {
            try run.train(resumption())
        }
        #expect(try Data(contentsOf: file) == before, "a refusal leaves the checkpoint as it is")
        guard case .otherRun(_, let differences) = error else { return [] }
        return differences.map { "\($0.name): \($0.found), \($0.expected)" }
    }

    @Test func aCheckpointOfOtherOptionsIsRefusedByName() throws {
        var run = Run()
        run.options.seed = 7
        #expect(try differences(run) == ["seed: 0, 7"])
        (run.options.seed, run.options.epochs, run.options.clip) = (0, 5, nil)
        #expect(try differences(run) == ["clip: 1.0, none", "epochs: 4, 5"])
    }

    @Test func aCheckpointOfAnotherRecipeIsRefusedByName() throws {
        var run = Run()
        let usual = try #require(run.recipe)
        var lora = try #require(usual.method as? LoRAMethod)
        lora.alpha = 8
        run.recipe = AdapterRecipe(lora, projections: usual.projections, layers: usual.layers)
        #expect(try differences(run) == ["adapter's alpha: 4.0, 8.0"])
        run.recipe = nil
        #expect(try differences(run).contains("adapter: its own, none"))
    }

    @Test func aCheckpointOfOtherDataIsRefusedByName() throws {
        var run = Run()
        let texts = run.training.examples
        run.training = Dataset(Array(texts.dropLast()) + [Example("the bank", label: .name("money"))])
        let training = try differences(run)
        #expect(training.count == 1 && training[0].hasPrefix("training data: 22 texts (SHA-256 "))
        func renamed(_ data: Dataset) -> Dataset {
            Dataset(data.examples.map { Example($0.text, label: .name($0.label?.className == "sport" ? "b" : "a")) })
        }
        (run.training, run.evaluation) = (renamed(Run().training), Run().evaluation.map(renamed))
        #expect(try differences(run) == ["labels: money, sport, a, b"])
        run = Run()
        run.evaluation = nil
        let evaluation = try differences(run)
        #expect(evaluation.count == 1 && evaluation[0].hasSuffix(", none"))
    }

    @Test func aCheckpointOnAnotherBaseIsRefusedByName() throws {
        let other = try Fixtures.copyOfTinyEncoder(changing: "encoder.layer.1.attention.self.query.weight")
        var run = Run()
        run.base = other.url
        let found = try differences(run)
        #expect(found.count == 1 && found[0].hasPrefix("base fingerprint: "), "\(found)")
    }

    @Test func resumingWithoutACheckpointIsAnError() throws {
        let path = file.relativePath
        #expect(throws: TrainingCheckpointError.missing(file: path)) { try Run().train(resumption()) }
    }

    @Test func aDamagedCheckpointIsRefused() throws {
        let run = Run()
        _ = try run.train(stops(), until: .step(8))
        let whole = try Data(contentsOf: file)
        func refusal(_ bytes: Data) throws -> TrainingCheckpointError? {
            try bytes.write(to: file)
            return #expect(throws: TrainingCheckpointError.self) { try run.train(resumption()) }
        }
        func isDamaged(_ error: TrainingCheckpointError?) -> Bool {
            if case .damaged = error { true } else { false }
        }
        for cut in [0, 7, 100, whole.count - 1] {
            guard case .tensors = try refusal(whole.prefix(cut)) else {
                Issue.record("cut to \(cut) bytes")
                continue
            }
        }
        // One bit of one of the tensors; a digit of the JSON.
        for place in [whole.count - 1, whole.count / 8 * 7, whole.count / 2] {
            var bytes = whole
            bytes[place] ^= 1
            #expect(isDamaged(try refusal(bytes)), "bit at \(place)")
        }
        var bytes = whole
        let steps = try #require(bytes.range(of: Data("steps\\\":8".utf8)))
        bytes[steps.upperBound - 1] = UInt8(ascii: "9")
        #expect(isDamaged(try refusal(bytes)))
        try whole.write(to: file)
        #expect(try run.train(resumption()) == run.train())
    }

    @Test func anotherFileIsNoCheckpoint() throws {
        let other = TinyEncoder.folder.appending(path: "model.safetensors")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: other, to: file)
        let error = #expect(throws: TrainingCheckpointError.self) { try Run().train(resumption()) }
        guard case .otherFormat(_, let found, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(found == "pt")
    }

    @Test func aCheckpointThatCannotBeWrittenEndsTraining() throws {
        try Data().write(to: folder.appending("new"))
        let error = #expect(throws: TrainingError.self) { try Run().train(stops(every: 2)) }
        guard case .checkpoint(.files(let system)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(system.path.hasSuffix("new") || system.path.hasSuffix("new/"))
    }
}
