import Encoders
import Files
import Foundation
import Matrices
import Tokenizers

/// Trains adapters and a head on a frozen encoder. Same seed, same bytes, on any number of threads.
public struct Trainer: Sendable {
    /// What trains, on what.
    public let model: TaskModel
    /// How.
    public let options: TrainingOptions
    /// The values of all that trains: where training has ended, those that it kept.
    public private(set) var values: ParameterVector

    private let start: ParameterVector
    private var state: TrainingState
    private let schedule: LearningRate
    private let training: TrainingTexts
    private let rateScales: [Float]
    /// The gradients of each part of a step, used again in the next.
    private var partGradients: [Gradients] = []

    /// A trainer at its first step. `values` are the starting values of the model's parameters.
    ///
    /// - Precondition: there is at least one text.
    public init(
        _ model: TaskModel, startingFrom values: ParameterVector, on training: TrainingTexts,
        _ options: TrainingOptions
    ) {
        precondition(training.count > 0, "there are texts to train on")
        precondition(options.epochs > 0 && options.batchSize > 0, "training takes steps")
        (self.model, self.values, self.training, self.options) = (model, values, training, options)
        start = values
        state = TrainingState(values, AdamW(values.layout, weightDecay: options.weightDecay))
        let steps = options.epochs * Batching.stepCount(count: training.count, batchSize: options.batchSize)
        schedule = LearningRate(options.schedule, steps: steps, warmup: options.warmup)
        let head = Set(model.head.parameters)
        let (rate, headRate) = (options.learningRate, options.headLearningRate ?? options.learningRate)
        rateScales = values.layout.parameters.map { head.contains($0) ? headRate : rate }
    }

    /// Goes to where `checkpoint` was written, as if this trainer had come there itself.
    ///
    /// - Throws: ``TrainingCheckpointError`` if there is no whole checkpoint of this very run.
    mutating func resume(from checkpoint: TrainingCheckpoint) throws(TrainingCheckpointError) {
        state = try checkpoint.read(
            state, epochs: options.epochs,
            stepsPerEpoch: Batching.stepCount(count: training.count, batchSize: options.batchSize),
            labels: model.head.labels)
    }

    /// Trains to the end, or until `report` says stop or patience runs out, and keeps the best epoch.
    ///
    /// The best epoch is the one of the highest score on `evaluation` (accuracy, entity F1), the earlier of two alike; without evaluation data
    /// the last. Training that is stopped before the end of its first epoch keeps what it has.
    ///
    /// - Throws: ``TrainingError/diverged(step:loss:)`` where the loss is no longer a number.
    public mutating func run(
        evaluatingOn evaluation: TrainingTexts?, report: (TrainingProgress) -> Continuation
    ) throws(TrainingError) -> TrainingReport {
        try run(evaluatingOn: evaluation, writing: nil, report: report)
    }

    /// The same, writing checkpoints on the way: each so many steps, and where training is stopped.
    mutating func run(
        evaluatingOn evaluation: TrainingTexts?, writing checkpoint: TrainingCheckpoint?,
        report: (TrainingProgress) -> Continuation
    ) throws(TrainingError) -> TrainingReport {
        var clock = TrainingClock(steps: schedule.steps, done: state.steps)
        var isStopped = false
        var (features, evaluationFeatures) = try keptFeatures(evaluatingOn: evaluation)
        training: while !isFinished {
            let steps = Batching.steps(
                count: training.count, batchSize: options.batchSize, seed: options.seed, epoch: state.epoch)
            // An epoch that is resumed has some of its steps behind it.
            for (place, indices) in steps.enumerated().dropFirst(state.losses.count) {
                let loss = try clock.time(tokens: training.tokens(of: indices)) { () throws(TrainingError) in
                    do throws(FilesError) { try features?.prepare(steps[place...]) } catch { throw .features(error) }
                    return try step(on: indices, features)
                }
                if report(.step(clock.progress(epoch: state.epoch, loss: loss))) == .stop {
                    isStopped = true
                    break training
                }
                if let checkpoint, checkpoint.isDue(after: state.steps) { try write(checkpoint) }
            }
            do throws(FilesError) { try evaluationFeatures?.prepareAll() } catch { throw .features(error) }
            let scores =
                evaluationFeatures.map { model.evaluate($0, state.values) }
                ?? evaluation.map { model.evaluate(on: $0, state.values) }
            let summary = state.endEpoch(of: options.epochs, scores)
            if report(.epoch(summary)) == .stop {
                isStopped = !isFinished
                break
            }
        }
        if isStopped, let checkpoint { try write(checkpoint) }
        values = state.best?.values ?? state.values
        return TrainingReport(
            epochs: state.epochs, bestEpoch: state.best?.epoch, isInterrupted: isStopped, steps: clock.steps,
            tokensPerSecond: clock.tokensPerSecond, medianTokensPerSecond: clock.medianTokensPerSecond,
            seconds: clock.seconds, trainedParameters: values.layout.count,
            unmoved: values.layout.parameters.filter { start[$0] == values[$0] }.map(\.name))
    }

    private func write(_ checkpoint: TrainingCheckpoint) throws(TrainingError) {
        do { try checkpoint.write(state) } catch { throw .checkpoint(error) }
    }

    /// Whether all epochs are done, or patience has run out.
    private var isFinished: Bool {
        guard let best = state.best else { return false }
        let epochs = state.epochs.count
        return epochs == options.epochs || options.patience.map { epochs - best.epoch >= $0 } ?? false
    }

    /// The features of both data sets, nil where frozen layers run in every step: with the cache off, or where the embeddings
    /// are all that lies below the lowest adapter.
    ///
    /// Where there is one epoch, nothing is needed twice, so nothing is kept.
    private func keptFeatures(
        evaluatingOn evaluation: TrainingTexts?
    ) throws(TrainingError) -> (training: FrozenFeatures?, evaluation: FrozenFeatures?) {
        guard options.reusesFrozenLayers, model.frozenLayers > 0 else { return (nil, nil) }
        var training = FrozenFeatures(model, training)
        guard options.epochs > 1 else { return (training, nil) }
        var evaluation = evaluation.map { FrozenFeatures(model, $0) }
        let limit = options.featureMemory ?? TrainingOptions.usualFeatureMemory
        let isInMemory = training.byteCount + (evaluation?.byteCount ?? 0) <= limit
        let place = isInMemory ? ScratchSpace.Place.memory : .file(in: FileManager.default.temporaryDirectory)
        do throws(FilesError) {
            try training.keep(in: place)
            try evaluation?.keep(in: place)
        } catch { throw .features(error) }
        return (training, evaluation)
    }

    /// One step on the texts at `indices`, from their features where there are any, and their mean loss before it.
    private mutating func step(on indices: [Int], _ features: FrozenFeatures?) throws(TrainingError) -> Double {
        let number = state.steps
        let parts = Batching.parts(indices, lengths: training.lengths)
        let terms = indices.reduce(0.0) { $0 + model.head.lossTerms(of: training.targets[$1]) }
        var gradients: [Gradients] = []
        swap(&gradients, &partGradients)
        defer { swap(&gradients, &partGradients) }
        while gradients.count < parts.count { gradients.append(state.values.zeroed()) }
        let losses = gradients.withUnsafeMutableBufferPointer { gradients in
            Batching.map(parts.count) { part in
                let batch = Batching.pack(parts[part], training.texts)
                let pass = Pass(
                    parameters: state.values, dropout: DropoutKey(seed: options.seed, step: number, part: part),
                    dropsInsideEncoder: options.dropsInsideEncoder, demand: .parameters)
                let (outputs, pullback) =
                    features.map { model.forward(from: $0.features(of: parts[part], batch), batch, pass) }
                    ?? model.forward(batch, pass)
                let mark = Profile.enter(.head)
                let (loss, dOutputs) = model.head.loss(
                    outputs, parts[part].map { training.targets[$0] }, batch, terms: terms)
                mark.leave()
                gradients[part].setZero()
                _ = pullback(dOutputs, &gradients[part])
                return loss
            }
        }
        let loss = losses.reduce(0, +)
        guard loss.isFinite else { throw .diverged(step: number + 1, loss: loss) }
        let mark = Profile.enter(.optimizer)
        defer { mark.leave() }
        // Summed in the order of the parts, whichever thread was done first.
        for part in 1..<parts.count { gradients[0].add(gradients[part]) }
        if let limit = options.clip { gradients[0].clip(toNorm: limit) }
        let share = schedule.multiplier(at: number)
        state.optimizer.step(&state.values, gradients[0], rates: rateScales.map { $0 * share })
        state.losses.append(loss)
        return loss
    }

    /// Scores of the current values.
    public func evaluate(on texts: TrainingTexts) -> Scores { model.evaluate(on: texts, values) }
}
