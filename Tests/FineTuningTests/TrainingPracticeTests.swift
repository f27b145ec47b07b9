import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Rates by part, accumulation, averages, evaluations on the way, and the guards.
@Suite(.serialized) struct TrainingPracticeTests {
    private let words = [
        ["team", "won", "match", "game", "goal", "player", "season", "coach"],
        ["shares", "bank", "fell", "rose", "market", "money", "profit", "price"],
    ]

    private func texts(_ count: Int, seed: UInt64, noise: UInt64 = 4) -> Dataset {
        var random = RandomStream(seed: seed, name: "texts")
        return Dataset(
            (0..<count).map { index in
                let text = (0..<4 + Int(random.next() % 7)).map { _ in
                    words[random.next() % noise == 0 ? 1 - index % 2 : index % 2][Int(random.next() % 8)]
                }
                let label = index % 2 == 0 ? "sport" : "money"
                return Example(text.joined(separator: " "), label: .name(label), line: index + 1)
            }, source: "texts.jsonl")
    }

    private var options: TrainingOptions {
        var options = TrainingOptions()
        (options.epochs, options.batchSize, options.dropsInsideEncoder) = (3, 8, false)
        (options.learningRate, options.warmup) = (1e-2, 0)
        return options
    }

    private func train(
        _ options: TrainingOptions, recipe: AdapterRecipe? = AdapterRecipe(rank: 2, alpha: 4),
        trains: TrainingStage.Trains = .init(), evaluatingOn evaluation: Dataset? = nil,
        on training: Dataset? = nil, report: (TrainingProgress) -> Continuation = { _ in .more }
    ) throws -> TrainedRun {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let task = TrainingRun.Task(
            "task", training: training ?? texts(48, seed: 1), evaluation: evaluation,
            adapter: recipe == nil ? nil : "adapter")
        let run = TrainingRun(
            tasks: [task], adapters: recipe.map { [.init("adapter", .new($0))] } ?? [],
            stages: [TrainingStage("training", trains: trains, options)])
        return try model.train(run, baseModel: "tiny") { progress, _ in report(progress) }
    }

    private func values(_ run: TrainedRun) -> ParameterVector { run.tasks[0].task.task.parameters }

    // MARK: Rates and decay

    @Test func aRateThatFallsWithTheDepthMovesLowerLayersLess() throws {
        var options = options
        (options.epochs, options.weightDecay) = (1, 0)
        options.learningRates.layerDecay = 0.1
        let values = values(try train(options))
        func moved(_ layer: Int) -> Float {
            values.layout.parameters.filter { $0.name.contains("layer.\(layer).") && $0.name.hasSuffix("lora_B") }
                .flatMap { values[$0].values }.map(abs).max() ?? 0
        }
        #expect(moved(0) > 0 && moved(0) * 5 < moved(1) && moved(1) * 5 < moved(2))
    }

    @Test func theUpperMatrixTakesTheHigherRate() throws {
        var options = options
        options.epochs = 1
        let before = values(try train(options))
        options.learningRates.upperRatio = 16
        let after = values(try train(options))
        let upper = before.layout.parameters.filter { $0.name.hasSuffix("lora_B") }
        func size(_ values: ParameterVector) -> Float {
            upper.flatMap { values[$0].values }.reduce(0) { $0 + abs($1) }
        }
        #expect(size(after) > 4 * size(before))
    }

    @Test func vectorsDoNotDecayUnlessTold() throws {
        var options = options
        // What weights decay by is larger than what a tiny rate of the gradient moves them by.
        (options.epochs, options.weightDecay) = (1, 0.9)
        func run(_ decaysVectors: Bool, _ weightDecay: Float) throws -> ParameterVector {
            (options.decaysVectors, options.weightDecay) = (decaysVectors, weightDecay)
            return values(try train(options, recipe: nil))
        }
        let (spared, all, none) = (try run(false, 0.9), try run(true, 0.9), try run(false, 0))
        let bias = try #require(none.layout.parameters.first { $0.name.hasSuffix("bias") })
        let weight = try #require(none.layout.parameters.first { $0.name.hasSuffix("weight") })
        func size(_ values: ParameterVector, _ parameter: Parameter) -> Float {
            values[parameter].values.reduce(0) { $0 + abs($1) }
        }
        #expect(size(spared, weight) < 0.97 * size(none, weight))
        #expect(spared[weight] != all[weight] || spared[bias] != all[bias])
        #expect(size(all, bias) < 0.99 * size(spared, bias))
    }

    // MARK: Accumulation

    @Test func accumulatedBatchesAreOneStepOfAllTheirTexts() throws {
        var options = options
        (options.batchSize, options.accumulation) = (16, 1)
        var (losses, norms) = ([Double](), [Float]())
        func run() throws -> ParameterVector {
            (losses, norms) = ([], [])
            return values(
                try train(options, on: texts(42, seed: 1)) { progress in
                    if case .step(let step) = progress {
                        losses.append(step.loss)
                        norms.append(step.gradientNorm)
                    }
                    return .more
                })
        }
        let whole = try run()
        let (wholeLosses, wholeNorms) = (losses, norms)
        #expect(losses.count == 9, "16, 16 and 10 texts a step")
        (options.batchSize, options.accumulation) = (4, 4)
        let parts = try run()
        #expect(losses.count == 9)
        #expect(zip(losses, wholeLosses).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(zip(norms, wholeNorms).allSatisfy { abs($0 - $1) < 1e-4 * $1 })
        #expect(Closeness.largestDifference(parts.values, whole.values) < 1e-4)
    }

    @Test func textsAreComparedWithinTheirBatchAlone() throws {
        let pairs = Dataset(
            (0..<16).map { index in
                Example("the \(words[index % 2][index / 2])", pairedWith: "\(words[index % 2][index / 2]) today")
            })
        var options = options
        options.epochs = 1
        func firstLoss(batch: Int, accumulation: Int) throws -> Double {
            (options.batchSize, options.accumulation) = (batch, accumulation)
            var loss = 0.0
            var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
            _ = try model.train(
                "pairs", as: .similarity, on: pairs, recipe: AdapterRecipe(rank: 2), options, baseModel: nil
            ) { progress in
                if case .step(let step) = progress, step.step == 1 { loss = step.loss }
                return .more
            }
            return loss
        }
        // A text that is compared with fewer others is told from them more easily.
        let (of4, of16) = (try firstLoss(batch: 4, accumulation: 4), try firstLoss(batch: 16, accumulation: 1))
        #expect(of4 < of16 - 0.3)
    }

    // MARK: Averages

    @Test func theAverageIsWhatIsEvaluatedAndKept() throws {
        var options = options
        options.averageDecay = 0.9
        let evaluation = texts(30, seed: 5)
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let trained = try model.train(
            "task", on: texts(48, seed: 1), evaluatingOn: evaluation, recipe: AdapterRecipe(rank: 2), options,
            baseModel: nil
        ) { _ in .more }
        #expect(try model.evaluate("task", on: evaluation) == trained.report.scores)
        options.averageDecay = 0
        let plain = values(try train(options))
        options.averageDecay = nil
        #expect(values(try train(options)).values == plain.values, "an average that keeps nothing is the value itself")
        options.averageDecay = 0.99
        #expect(values(try train(options)).values != plain.values)
    }

    // MARK: Evaluations

    @Test func evaluationsComeEachSoManyStepsAndAtTheEnd() throws {
        var options = options
        options.evaluationInterval = 4
        var steps: [Int] = []
        let run = try train(options, evaluatingOn: texts(20, seed: 3)) { progress in
            if case .epoch(let epoch) = progress { steps.append(epoch.step) }
            return .more
        }
        #expect(steps == [4, 8, 12, 16, 18], "of 18 steps")
        #expect(run.report.epochs.map(\.epoch) == [1, 2, 2, 3, 3])
        #expect(run.report.epochs.count { $0.isBest } >= 1)
    }

    @Test func patienceCountsEvaluationsOfTheMetricThatIsAskedFor() throws {
        var options = options
        (options.epochs, options.patience, options.evaluationInterval, options.schedule) = (40, 3, 2, .constant)
        for metric in ["matthews", "weighted_f1"] {
            options.metric = metric
            let report = try train(options, evaluatingOn: texts(20, seed: 3)).report
            let figures = report.epochs.map { $0.scores?.value(of: metric) ?? .nan }
            let best = try #require(report.bestEpoch)
            #expect(figures.firstIndex(of: figures.max() ?? 0) == best - 1)
            #expect(report.epochs.count == best + 3 && report.epochs.last?.score == figures.last)
        }
    }

    @Test func ofAnErrorTheLowestIsTheBest() throws {
        var random = RandomStream(seed: 1, name: "numbers")
        func rows(_ count: Int) -> Dataset {
            Dataset(
                (0..<count).map { index in
                    let value = Double(index % 2) + Double(random.uniform())
                    return Example(words[index % 2][Int(random.next() % 8)], label: .number(value))
                })
        }
        var options = options
        (options.metric, options.epochs, options.schedule) = ("mae", 6, .constant)
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let report = try model.train(
            "numbers", as: .regression, on: rows(32), evaluatingOn: rows(16), recipe: AdapterRecipe(rank: 2), options,
            baseModel: nil
        ) { _ in .more }.report
        let errors = report.epochs.map { $0.scores?.value(of: "mae") ?? .nan }
        #expect(errors.min() == report.scores?.value(of: "mae"))
        #expect(report.best?.score == errors.min().map { -$0 })
    }

    @Test func aMetricThatNoTaskHasIsNamedBeforeTraining() throws {
        var options = options
        options.metric = "entity_f1"
        let error = #expect(throws: TrainingError.self) { try train(options, evaluatingOn: texts(8, seed: 2)) }
        guard case .noSuchMetric("entity_f1", let metrics) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(metrics.contains("macro_f1"))
    }

    // MARK: Guards

    @Test func aRateTooLowToMoveAnythingIsFoundAfterTheFirstSteps() throws {
        var options = options
        (options.headLearningRate, options.weightDecay) = (1e-30, 0)
        var steps = 0
        let error = #expect(throws: TrainingError.self) {
            try train(options) { progress in
                if case .step = progress { steps += 1 }
                return .more
            }
        }
        #expect(
            error
                == .unmoved(
                    [
                        .init(name: "head.weight", hadGradient: true), .init(name: "head.bias", hadGradient: true),
                    ], steps: 3))
        #expect(steps == 2)
    }

    @Test func whatNoGradientReachesIsNamed() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        var task = TrainingRun.Task("task", training: texts(48, seed: 1), adapter: nil)
        task.weight = 0
        let run = TrainingRun(tasks: [task], adapters: [], stages: [TrainingStage("training", options)])
        let error = #expect(throws: TrainingError.self) {
            _ = try model.train(run, baseModel: nil) { _, _ in .more }
        }
        guard case .unmoved(let parameters, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(parameters.allSatisfy { !$0.hadGradient } && parameters.map(\.name).contains("head.weight"))
        #expect(error?.description.contains("no gradient has reached") == true)
    }

    @Test func stepsOfAWarmUpWithoutARateAreNotHeldAgainstIt() throws {
        var options = options
        (options.warmupSteps, options.epochs) = (12, 3)
        #expect(try train(options).report.unmoved.isEmpty)
    }

    @Test func everyPartOfTheEncoderThatIsToTrainMoves() throws {
        var options = options
        options.learningRates = LearningRates(every: 1e-3)
        let trains = TrainingStage.Trains(layers: [1, 2], embeddings: true, norms: true, biases: true)
        let run = try train(options, trains: trains)
        #expect(run.report.unmoved.isEmpty && run.report.stages[0].trained.count == 6)
    }

    // MARK: Losses that are no numbers

    @Test func aLossThatIsNoNumberNamesTheTextsAndKeepsWhatWasGood() throws {
        var options = options
        (options.learningRate, options.clip, options.batchSize) = (1e20, nil, 4)
        let error = #expect(throws: DivergedTraining.self) { try train(options, evaluatingOn: texts(8, seed: 2)) }
        let diverged = try #require(error)
        let divergence = diverged.divergence
        #expect(divergence.step > 1 && divergence.stage == nil)
        #expect(values(diverged.lastGood).values.allSatisfy { $0.isFinite })
        #expect(diverged.lastGood.record == nil)
        if !divergence.loss.isFinite {
            let text = try #require(divergence.texts.first)
            let example = texts(48, seed: 1).examples[text.example]
            #expect(text.file == "texts.jsonl" && text.line == example.line)
            #expect(example.text.hasPrefix(text.beginning?.replacing("…", with: "") ?? "?"))
            #expect(error?.description.contains("texts.jsonl, line \(example.line)") == true)
        }
    }
}
