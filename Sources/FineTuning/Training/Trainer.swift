import Adapters
import Encoders
import Matrices

/// Trains adapters and heads on a frozen encoder, and parts of the encoder where asked. Same seed, same bytes, on any number of
/// threads.
public struct Trainer: Sendable {
    /// The values of all that trains in some stage: where training has ended, those that it kept.
    public private(set) var values: ParameterVector
    /// Where the numbers of each route, head and task lie in ``values``.
    let parameters: RunParameters

    /// What everything is trained on.
    public let encoder: TransformerEncoder
    let routes: [TrainingRoute]
    let tasks: [TrainingTask]
    let stages: [TrainingStage]
    let order: TrainingOrder
    private(set) var start: ParameterVector
    let trainingTexts: [RouteTexts]
    let evaluationTexts: [RouteTexts]
    var state: TrainingState
    /// What each task answered to its evaluation texts at the best evaluation of a stage, by the stage, from 1: of the running one
    /// and the best. A run that is resumed does not know those of before.
    private var bestOutputs: [Int: [String: [Matrix]]] = [:]
    /// The same of the state that was kept, once training has ended; empty where it is not known.
    private(set) var keptOutputs: [String: [Matrix]] = [:]
    /// The gradients of each lane of a step, used again in the next.
    var laneGradients: [Gradients] = []

    /// A trainer of several tasks at its first step.
    ///
    /// - Parameters:
    ///   - routes: the ways through the encoder, by the places that tasks name.
    ///   - tasks: the tasks; their values are zeros until ``start(task:from:)``.
    /// - Precondition: there is a stage, and a text to train on; stages have one seed.
    public init(
        _ encoder: TransformerEncoder, _ routes: [TrainingRoute], _ tasks: [TrainingTask],
        mixing: TaskMixing = .proportional, _ stages: [TrainingStage]
    ) {
        precondition(!stages.isEmpty && Set(stages.map(\.options.seed)).count == 1, "stages share one seed")
        precondition(tasks.contains { $0.training?.units.isEmpty == false }, "there are texts to train on")
        precondition(stages.allSatisfy { $0.options.epochs > 0 && $0.options.batchSize > 0 }, "training takes steps")
        precondition(Set(tasks.map(\.name)).count == tasks.count, "tasks have names of their own")
        precondition(tasks.allSatisfy { routes.indices.contains($0.route) }, "each task has a route")
        (self.encoder, self.routes, self.tasks, self.stages) = (encoder, routes, tasks, stages)
        parameters = RunParameters(routes, tasks)
        order = TrainingOrder(tasks, mixing, seed: stages[0].options.seed)
        values = ParameterVector(parameters.whole)
        start = values
        state = TrainingState(values, Trainer.optimizer(parameters, stages[0]))
        for (place, route) in routes.enumerated() {
            state.allocations[place] = RankAllocation(route.adapters, parameters.routes[place])
        }
        func texts(_ data: (TrainingTask) -> TrainingTexts?) -> [RouteTexts] {
            routes.indices.map { route in
                RouteTexts(of: tasks, members: tasks.indices.filter { tasks[$0].route == route }, data)
            }
        }
        (trainingTexts, evaluationTexts) = (texts(\.training), texts(\.evaluation))
    }

    /// A trainer of one task in one stage. `values` are the starting values of the model's parameters.
    public init(
        _ model: TaskModel, startingFrom values: ParameterVector, on training: TrainingTexts,
        evaluatingOn evaluation: TrainingTexts? = nil, _ options: TrainingOptions
    ) {
        let task = TrainingTask("task", head: model.head, training: training, evaluation: evaluation)
        self.init(
            model.encoder, [TrainingRoute("task", model.adapters)], [task], [TrainingStage("training", options)])
        start(task: 0, from: values)
    }

    /// Refuses what adapters cannot do in the steps of the first stage that trains them.
    ///
    /// - Throws: ``AdapterError``
    func checkSchedules() throws(AdapterError) {
        for (route, allocation) in state.allocations.sorted(by: { $0.key < $1.key }) {
            guard let stage = stages.indices.first(where: { allocation.trains(model(of: $0).routes[route].trained) })
            else { continue }
            try allocation.check(steps: stages[stage].options.epochs * stepsPerEpoch(stages[stage].options))
        }
    }

    /// Starts a task's adapters and head from these values, as far as they are there.
    public mutating func start(task: Int, from values: ParameterVector) {
        var own = start.viewed(as: parameters.tasks[task])
        for parameter in own.layout.parameters where values.layout.parameters.contains(parameter) {
            own[parameter] = values[parameter]
        }
        own.show(as: parameters.whole)
        (self.values, start, state.values) = (own, own, own)
    }

    private static func optimizer(_ parameters: RunParameters, _ stage: TrainingStage) -> AdamW {
        AdamW(parameters.whole, weightDecay: stage.options.weightDecay)
    }

    /// The values of a task's adapters and head.
    func values(ofTask task: Int) -> ParameterVector { values.viewed(as: parameters.tasks[task]) }

    /// Goes to where `checkpoint` was written, as if this trainer had come there itself.
    ///
    /// - Throws: ``TrainingCheckpointError`` if there is no whole checkpoint of this very run.
    mutating func resume(from checkpoint: TrainingCheckpoint) throws(TrainingCheckpointError) {
        state = try checkpoint.read(
            state, stages, stepsPerStage: stages.map { $0.options.epochs * stepsPerEpoch($0.options) }
        ) { Trainer.optimizer(parameters, $0) }
    }

    /// Trains to the end, or until `report` says stop or patience runs out, and keeps the best epoch of each stage, and of these
    /// the best.
    ///
    /// Epochs are compared by the headline figures of the tasks that learn, the earlier of two alike is kept; without evaluation
    /// data the last. Training that is stopped before the end of its first epoch keeps what it has.
    ///
    /// - Throws: ``TrainingError/diverged(_:)`` where a loss is no longer a number: ``values`` are then the last that were good.
    public mutating func run(report: (TrainingProgress) throws -> Continuation) throws -> TrainingReport {
        let (outcome, divergence) = try run(writing: nil, report: report)
        if let divergence { throw TrainingError.diverged(divergence) }
        return outcome
    }

    /// The same, writing checkpoints on the way: each so many steps, and where training is stopped.
    mutating func run(
        writing checkpoint: TrainingCheckpoint?, report: (TrainingProgress) throws -> Continuation
    ) throws -> (report: TrainingReport, divergence: Divergence?) {
        let steps = stages.reduce(0) { $0 + $1.options.epochs * stepsPerEpoch($1.options) }
        var clock = TrainingClock(steps: steps, done: state.steps)
        var end = End.finished
        watch()
        while end == .finished, state.stages.count < stages.count {
            end = try runStage(&clock, checkpoint, report)
        }
        if end == .stopped, let checkpoint { try write(checkpoint) }
        guard case .diverged(let divergence) = end else { return (finish(end, clock), nil) }
        return (finish(end, clock), divergence)
    }

    /// The optimizer's steps in an epoch.
    func stepsPerEpoch(_ options: TrainingOptions) -> Int { order.stepCount(batchSize: options.stepSize) }

    /// How a stage ends.
    private enum End: Equatable {
        case finished
        case stopped
        case harmed(task: String)
        case diverged(Divergence)
    }

    private mutating func runStage(
        _ clock: inout TrainingClock, _ checkpoint: TrainingCheckpoint?,
        _ report: (TrainingProgress) throws -> Continuation
    ) throws -> End {
        let stage = stages[state.stages.count]
        let model = model(of: state.stages.count)
        let options = stage.options
        let stepsPerEpoch = stepsPerEpoch(options)
        let rate = options.schedule(steps: options.epochs * stepsPerEpoch)
        let earlierEpochs = state.earlierEpochs
        if state.average == nil {
            state.average = options.averageDecay.map { MovingAverage(decay: $0, of: state.values) }
        }
        var watch = TrainingGuard(
            encoder, state.values, isTrained: model.isTrained, isFresh: state.optimizer.steps == 0)
        var (features, evaluationFeatures) = try keptFeatures(model, options)
        var harmed: String?
        var (epoch, steps) = (0, [[TrainingOrder.Draw]]())
        while !isFinished(stage), harmed == nil {
            if isEvaluationDue(options) {
                let (scores, outputs) = try evaluate(model, &evaluationFeatures)
                harmed = harmedTask(by: scores)
                let summary = state.endEpoch(
                    (state.optimizer.steps - 1) / stepsPerEpoch + 1, of: options.epochs, scores,
                    score: score(of: scores, by: options.metric), isEligible: harmed == nil)
                if summary.isBest { bestOutputs[summary.stage] = outputs }
                if try report(.epoch(summary)) == .stop, !isFinished(stage) { return .stopped }
                continue
            }
            let place = state.optimizer.steps % stepsPerEpoch
            if epoch != state.optimizer.steps / stepsPerEpoch + 1 {
                epoch = state.optimizer.steps / stepsPerEpoch + 1
                steps = order.steps(epoch: earlierEpochs + epoch, batchSize: options.stepSize)
            }
            let share = rate.multiplier(at: state.optimizer.steps)
            let outcome = try clock.time(tokens: tokens(of: examples(of: steps[place]))) { () throws(TrainingError) in
                try prepare(&features, steps[place...])
                return try step(on: steps[place], model, options, share: share, features, &watch)
            }
            let result: StepOutcome
            switch outcome {
            case .success(let success): result = success
            case .failure(let failure): return .diverged(divergence(failure, stage, epoch))
            }
            state.seconds += clock.lastSeconds
            let progress = clock.progress(
                stage: state.stage, epoch: epoch, result,
                learningRates: model.rates(options).mapValues { $0 * share })
            if try report(.step(progress)) == .stop { return .stopped }
            if let checkpoint, checkpoint.isDue(after: state.steps) { try write(checkpoint) }
        }
        try watch.checkFrozen(state.values)
        let next = stages.dropFirst(state.stage).first ?? stage
        let summary = state.endStage(stage.name, trained: model.trainedCounts, Trainer.optimizer(parameters, next))
        state.endAllocation(model)
        bestOutputs = bestOutputs.filter { ($0.key == summary.stage) == summary.isBest }
        if try report(.stage(summary)) == .stop, state.stages.count < stages.count { return .stopped }
        return harmed.map { .harmed(task: $0) } ?? .finished
    }

    /// Whether the steps so far are to be evaluated before the next one: at the end of an epoch, or each so many steps and at the
    /// end of the stage.
    private func isEvaluationDue(_ options: TrainingOptions) -> Bool {
        guard !state.losses.isEmpty else { return false }
        let (done, stepsPerEpoch) = (state.optimizer.steps, stepsPerEpoch(options))
        guard let interval = options.evaluationInterval else { return done % stepsPerEpoch == 0 }
        return done % interval == 0 || done == options.epochs * stepsPerEpoch
    }

    /// Whether all steps of the running stage are done and evaluated, or patience has run out.
    private func isFinished(_ stage: TrainingStage) -> Bool {
        let (evaluations, options) = (state.epochs.count, stage.options)
        guard evaluations > 0 else { return false }
        return (state.losses.isEmpty && state.optimizer.steps == options.epochs * stepsPerEpoch(options))
            || options.patience.map { evaluations - (state.best?.place ?? 0) >= $0 } ?? false
    }

    private mutating func finish(_ end: End, _ clock: TrainingClock) -> TrainingReport {
        var ended = state
        if !state.epochs.isEmpty {
            let running = state.stages.count
            _ = ended.endStage(stages[running].name, trained: model(of: running).trainedCounts, state.optimizer)
        }
        var harmedTask: String?
        if case .harmed(let task) = end { harmedTask = task }
        // Where no epoch was good enough, harm leaves what there was, and an interruption what there is.
        values = ended.bestOfRun?.values ?? (harmedTask == nil ? state.kept : start)
        keptOutputs = ended.bestOfRun.flatMap { bestOutputs[$0.stage] } ?? [:]
        let wasToTrain = (0..<max(1, ended.stages.count)).map { model(of: $0).isTrained }
        let unused = Set(
            state.allocations.flatMap { route, allocation in
                allocation.unused.map { parameters.routes[route].range(of: $0).lowerBound }
            })
        let unmoved = parameters.whole.parameters.enumerated().filter { index, parameter in
            wasToTrain.contains { $0[index] } && start[parameter] == values[parameter]
                && !unused.contains(parameters.whole.range(of: parameter).lowerBound)
        }
        return TrainingReport(
            stages: ended.stages, bestStage: ended.bestOfRun?.stage, isInterrupted: end == .stopped,
            harmedTask: harmedTask, steps: clock.steps, tokensPerSecond: clock.tokensPerSecond,
            medianTokensPerSecond: clock.medianTokensPerSecond, seconds: clock.seconds,
            trainedParameters: parameters.whole.parameters.enumerated().reduce(0) { sum, parameter in
                sum + (wasToTrain.contains { $0[parameter.offset] } ? parameter.element.count : 0)
            }, unmoved: unmoved.map(\.element.name))
    }

    /// What a stage, from 0, computes with.
    func model(of stage: Int) -> StageModel {
        StageModel(encoder, routes, tasks, parameters, stages, stage: stage)
    }

    private func write(_ checkpoint: TrainingCheckpoint) throws(TrainingError) {
        do { try checkpoint.write(state) } catch { throw .checkpoint(error) }
    }

    private func divergence(_ failure: StepFailure, _ stage: TrainingStage, _ epoch: Int) -> Divergence {
        Divergence(
            step: state.steps + 1, epoch: epoch, stage: stages.count > 1 ? stage.name : nil, loss: failure.loss,
            gradientNorm: failure.gradientNorm,
            texts: failure.texts.flatMap { task, texts in
                texts.map { Divergence.Text(task: tasks[task].name, example: tasks[task].training?.origins[$0] ?? $0) }
            })
    }
}
