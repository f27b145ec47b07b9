import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import Testing
import TestSupport
import Tokenizers

@Suite struct TrainerTests {
    /// Texts of random tokens whose label is whether a certain token is among them: learnable in a few epochs.
    private func texts(_ count: Int, seed: UInt64) -> TrainingTexts {
        var random = RandomStream(seed: seed, name: "texts")
        var (texts, targets) = ([TokenizedText](), [Int]())
        for index in 0..<count {
            let length = 6 + Int(random.next() % 20)
            var ids = (0..<length).map { _ in Int32(10 + random.next() % 100) }
            ids[Int(random.next() % UInt64(length))] = index % 2 == 0 ? 7 : 8
            texts.append(TokenizedText(withoutText: ids))
            targets.append(index % 2)
        }
        return TrainingTexts(texts: texts, targets: targets)
    }

    private func trainer(
        _ options: TrainingOptions, recipe: AdapterRecipe? = AdapterRecipe(rank: 4, alpha: 8), texts count: Int = 64,
        evaluation: TrainingTexts? = nil, precision: Precision = .float32
    ) throws -> Trainer {
        let encoder = try TransformerEncoder(contentsOf: TinyEncoder.folder, precision: precision)
        let head = ClassificationHead(labels: ["no", "yes"], hiddenSize: 32, pooling: .mean)
        let fresh = try recipe?.fresh(for: encoder, seed: options.seed)
        let model = TaskModel(encoder: encoder, adapters: fresh?.adapters ?? .none, head: head)
        var values = ParameterVector(model.parameters)
        for parameter in fresh?.adapters.parameters ?? [] {
            values[parameter] = fresh?.parameters[parameter] ?? values[parameter]
        }
        head.initialize(&values, seed: options.seed)
        return Trainer(
            model, startingFrom: values, on: texts(count, seed: 1), evaluatingOn: evaluation, options)
    }

    private var options: TrainingOptions {
        var options = TrainingOptions()
        (options.epochs, options.batchSize, options.learningRate) = (4, 8, 1e-2)
        return options
    }

    // MARK: Parity

    @Test func tenStepsGivePEFTsTenLosses() throws {
        let golden = try GoldenFile("training/ten-steps.safetensors")
        let encoder = try TinyEncoder.load()
        let peft = try GoldenLoRA(golden, encoder)
        let head = ClassificationHead(labels: ["a", "b", "c"], hiddenSize: 32, pooling: .mean)
        let model = TaskModel(encoder: encoder, adapters: peft.adapters, head: head)
        var values = try peft.values(of: model) { try golden.matrix("initial.\($0)") }
        var optimizer = AdamW(values.layout, weightDecay: 0.01)
        let schedule = LearningRate(.linear, steps: 10, warmupSteps: 2)
        let heads = Set(head.parameters)
        for (step, expected) in try golden.floats("losses").enumerated() {
            let batch = try golden.batch("batch.\(step).")
            let (logits, pullback) = model.forward(batch, Pass(parameters: values, demand: .parameters))
            let targets = try golden.integers("batch.\(step).labels")
            let (loss, dLogits) = SoftmaxCrossEntropy.loss(logits, targets: targets, count: targets.count)
            #expect(abs(Float(loss) - expected) < 1e-4, "step \(step)")
            var gradients = values.zeroed()
            _ = pullback(dLogits, &gradients)
            let norm = gradients.clip(toNorm: 1)
            #expect(abs(norm - (try golden.floats("gradient_norms")[step])) < 1e-4 * norm)
            let share = schedule.multiplier(at: step)
            optimizer.step(
                &values, gradients,
                rates: values.layout.parameters.map { (heads.contains($0) ? 1e-2 : 1e-3) * share })
        }
        for (parameter, name) in peft.names(of: model) {
            let expected = try golden.floats("final.\(name)")
            #expect(Closeness.largestDifference(values[parameter].values, expected) < 1e-5, "\(name)")
        }
    }

    // MARK: Reproducibility

    @Test(.serialized, arguments: Precision.allCases, [true, false])
    func sameSeedGivesTheSameBytesOnAnyNumberOfThreads(precision: Precision, dropsInsideEncoder: Bool) throws {
        var options = options
        options.dropsInsideEncoder = dropsInsideEncoder
        func train() throws -> [Float] {
            var trainer = try trainer(
                options, recipe: AdapterRecipe(rank: 4, dropoutRate: 0.1, projections: TinyEncoder.projections),
                precision: precision)
            _ = try trainer.run { _ in .more }
            return trainer.values.values
        }
        let threads = Parallel.threads
        defer { Parallel.threads = threads }
        Parallel.threads = 1
        let one = try train()
        Parallel.threads = 2
        #expect(try train() == one)
        Parallel.threads = 5
        #expect(try train() == one)
        options.seed = 1
        #expect(try train() != one)
    }

    // MARK: Memory

    @Test(.timeLimit(.minutes(1)), arguments: [nil, [2], [0, 1, 2]] as [[Int]?])
    func aSteadyStepAsksTheSystemForNoMatrix(layers: [Int]?) throws {
        var options = options
        (options.epochs, options.batchSize) = (4000, 16)
        let recipe = layers.map { AdapterRecipe(rank: 4, projections: TinyEncoder.projections, layers: $0) }
        var trainer = try trainer(options, recipe: recipe, texts: 16)
        // Other tests run beside this one and ask for matrices of their own, but not all the time.
        var (quietSteps, before, wasQuiet) = (0, 0, false)
        _ = try trainer.run { progress in
            guard case .step = progress else { return .more }
            quietSteps = Matrix.blocksFromSystem == before ? quietSteps + 1 : 0
            before = Matrix.blocksFromSystem
            wasQuiet = quietSteps == 10
            return wasQuiet ? .stop : .more
        }
        #expect(wasQuiet, "each of 4,000 steps on the same texts came near a step that asked for a new block")
    }

    // MARK: Training

    @Test(arguments: Precision.allCases)
    func trainingLearnsAndMovesEveryParameter(precision: Precision) throws {
        var options = options
        options.epochs = 10
        var trainer = try trainer(options, texts: 96, evaluation: texts(40, seed: 2), precision: precision)
        let report = try trainer.run { _ in .more }
        #expect(report.unmoved.isEmpty)
        #expect(report.epochs.count == 10 && report.steps == 120)
        let accuracy = try #require(report.scores?.classification?.accuracy)
        #expect(accuracy > 0.8, "chance is 0.5")
    }

    @Test func theBaseIsNeverTouched() throws {
        var trainer = try trainer(options)
        let before = trainer.encoder
        _ = try trainer.run { _ in .more }
        for layer in 0..<3 {
            for projection in TinyEncoder.projections {
                let site = Site(layer: layer, projection: projection)
                #expect(trainer.encoder[site].weight == before[site].weight)
            }
        }
        #expect(try TinyEncoder.load().fingerprint == before.fingerprint)
    }

    @Test func aHeadAloneTrainsToo() throws {
        var trainer = try trainer(options, recipe: nil)
        let report = try trainer.run { _ in .more }
        #expect(report.unmoved.isEmpty && report.trainedParameters == 2 * 32 + 2)
    }

    @Test func theBestEpochIsKeptAndPatienceEndsTraining() throws {
        var options = options
        (options.epochs, options.learningRate, options.patience, options.schedule) = (30, 5e-2, 2, .constant)
        let evaluation = texts(40, seed: 2)
        var trainer = try trainer(options, evaluation: evaluation)
        let report = try trainer.run { _ in .more }
        let accuracies = report.epochs.map { $0.scores?.classification?.accuracy ?? 0 }
        let best = try #require(report.bestEpoch)
        #expect(accuracies[best - 1] == accuracies.max())
        #expect(accuracies.firstIndex(of: accuracies.max() ?? 0) == best - 1, "the earlier of two alike")
        #expect(trainer.evaluate(on: evaluation).classification?.accuracy == accuracies[best - 1])
        #expect(report.epochs.count == min(30, best + 2))
        #expect(!report.isInterrupted)
    }

    @Test func stoppingInAnEpochKeepsTheBestEpochBefore() throws {
        let evaluation = texts(40, seed: 2)
        var trainer = try trainer(options, evaluation: evaluation)
        var kept: [Float]?
        let report = try trainer.run { progress in
            guard case .step(let step) = progress else { return .more }
            return step.step == 12 ? .stop : .more
        }
        #expect(report.isInterrupted && report.epochs.count == 1 && report.bestEpoch == 1 && report.steps == 12)
        kept = trainer.values.values
        var short = try self.trainer(options, evaluation: evaluation)
        _ = try short.run { progress in
            if case .epoch = progress { return .stop }
            return .more
        }
        #expect(short.values.values == kept)
    }

    @Test func aLossThatIsNoNumberEndsTrainingWithTheStep() throws {
        var options = options
        (options.learningRate, options.clip, options.warmup) = (1e30, nil, 0)
        var trainer = try trainer(options)
        let error = #expect(throws: TrainingError.self) { try trainer.run { _ in .more } }
        guard case .diverged(let divergence) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(divergence.step > 1 && !(divergence.loss.isFinite && divergence.gradientNorm.isFinite))
        #expect(trainer.values.values.allSatisfy { $0.isFinite }, "what is kept was good")
    }

    @Test func clippingScalesToTheNormAndNoFurther() {
        let parameter = Parameter(name: "p", rows: 1, columns: 2)
        var gradients = ParameterVector([parameter])
        gradients[parameter] = Matrix(rows: 1, columns: 2, values: [3, 4])
        #expect(gradients.clip(toNorm: 10) == 5)
        #expect(gradients.values == [3, 4])
        gradients.clip(toNorm: 1)
        #expect(Closeness.largestDifference(gradients.values, [0.6, 0.8]) < 1e-6)
    }
}

extension TokenizedText {
    /// Ids that stand for themselves.
    fileprivate init(withoutText ids: [Int32]) {
        self.init(
            ids: ids, segments: ids.map { _ in 0 }, offsets: ids.map { _ in 0..<0 }, words: ids.map { _ in nil },
            isSpecial: ids.map { _ in false })
    }
}
