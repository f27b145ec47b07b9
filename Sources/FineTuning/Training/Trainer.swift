import Encoders
import Files
import Foundation
import Matrices
import Tokenizers

/// Trains adapters and heads on a frozen encoder, and parts of the encoder where asked. Same seed, same bytes, on any number of
/// threads.
public struct Trainer: Sendable {
    /// The values of all that trains in some stage: where training has ended, those that it kept.
    public private(set) var values: ParameterVector
    /// Where the numbers of each route, head and task lie in ``values``.
    let parameters: RunParameters

    /// What everything is trained on.
    public let encoder: TransformerEncoder
    private let routes: [TrainingRoute]
    private let tasks: [TrainingTask]
    private let stages: [TrainingStage]
    private let order: TrainingOrder
    private var start: ParameterVector
    private let trainingTexts: [RouteTexts]
    private let evaluationTexts: [RouteTexts]
    private var state: TrainingState
    /// The gradients of each lane of a step, used again in the next.
    private var laneGradients: [Gradients] = []

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
            state, stages, stepsPerEpoch: stages.map { order.stepCount(batchSize: $0.options.batchSize) }
        ) { Trainer.optimizer(parameters, $0) }
    }

    // MARK: Running

    /// Trains to the end, or until `report` says stop or patience runs out, and keeps the best epoch of each stage, and of these
    /// the best.
    ///
    /// Epochs are compared by the headline figures of the tasks that learn, the earlier of two alike is kept; without evaluation
    /// data the last. Training that is stopped before the end of its first epoch keeps what it has.
    ///
    /// - Throws: ``TrainingError/diverged(step:loss:)`` where the loss is no longer a number.
    public mutating func run(report: (TrainingProgress) throws -> Continuation) throws -> TrainingReport {
        try run(writing: nil, report: report)
    }

    /// The same, writing checkpoints on the way: each so many steps, and where training is stopped.
    mutating func run(
        writing checkpoint: TrainingCheckpoint?, report: (TrainingProgress) throws -> Continuation
    ) throws -> TrainingReport {
        let steps = stages.reduce(0) { $0 + $1.options.epochs * order.stepCount(batchSize: $1.options.batchSize) }
        var clock = TrainingClock(steps: steps, done: state.steps)
        var end = End.finished
        watch()
        while end == .finished, state.stages.count < stages.count {
            end = try runStage(&clock, checkpoint, report)
        }
        if end == .stopped, let checkpoint { try write(checkpoint) }
        return finish(end, clock)
    }

    /// How a stage ends.
    private enum End: Equatable {
        case finished
        case stopped
        case harmed(task: String)
    }

    private mutating func runStage(
        _ clock: inout TrainingClock, _ checkpoint: TrainingCheckpoint?,
        _ report: (TrainingProgress) throws -> Continuation
    ) throws -> End {
        let stage = stages[state.stages.count]
        let model = model(of: state.stages.count)
        let options = stage.options
        let rate = LearningRate(
            options.schedule, steps: options.epochs * order.stepCount(batchSize: options.batchSize),
            warmup: options.warmup)
        var (features, evaluationFeatures) = try keptFeatures(model, options)
        var harmed: String?
        while !isFinished(stage), harmed == nil {
            let steps = order.steps(epoch: state.epochOfRun, batchSize: options.batchSize)
            // An epoch that is resumed has some of its steps behind it.
            for (place, draws) in steps.enumerated().dropFirst(state.losses.count) {
                let tokens = tokens(of: examples(of: draws))
                let share = rate.multiplier(at: state.optimizer.steps)
                let outcome = try clock.time(tokens: tokens) { () throws(TrainingError) in
                    try prepare(&features, steps[place...])
                    return try step(on: draws, model, options, share: share, features)
                }
                state.seconds += clock.lastSeconds
                let progress = clock.progress(
                    stage: state.stage, epoch: state.epoch, outcome,
                    learningRates: model.rates(options).mapValues { $0 * share })
                if try report(.step(progress)) == .stop { return .stopped }
                if let checkpoint, checkpoint.isDue(after: state.steps) { try write(checkpoint) }
            }
            let scores = try evaluate(model, &evaluationFeatures)
            harmed = harmedTask(by: scores)
            let summary = state.endEpoch(
                of: options.epochs, scores, score: score(of: scores), isEligible: harmed == nil)
            if try report(.epoch(summary)) == .stop, !isFinished(stage) { return .stopped }
        }
        let next = stages.dropFirst(state.stage).first ?? stage
        let summary = state.endStage(stage.name, trained: model.trainedCounts, Trainer.optimizer(parameters, next))
        if try report(.stage(summary)) == .stop, state.stages.count < stages.count { return .stopped }
        return harmed.map { .harmed(task: $0) } ?? .finished
    }

    /// Whether all epochs of the running stage are done, or patience has run out.
    private func isFinished(_ stage: TrainingStage) -> Bool {
        let (epochs, options) = (state.epochs.count, stage.options)
        guard epochs > 0 else { return false }
        return epochs == options.epochs || options.patience.map { epochs - (state.best?.epoch ?? 0) >= $0 } ?? false
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
        values = ended.bestOfRun?.values ?? (harmedTask == nil ? state.values : start)
        let wasToTrain = (0..<max(1, ended.stages.count)).map { model(of: $0).isTrained }
        let unmoved = parameters.whole.parameters.enumerated().filter { index, parameter in
            wasToTrain.contains { $0[index] } && start[parameter] == values[parameter]
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

    // MARK: Scores

    /// Scores what is watched before the first step, so that harm is seen.
    private mutating func watch() {
        let model = model(of: 0)
        for (place, task) in tasks.enumerated() where task.maximumDrop != nil && state.startScores[task.name] == nil {
            guard let data = task.evaluation else { continue }
            state.startScores[task.name] = model.evaluate(
                place, on: data, evaluationTexts[task.route], nil, start)
        }
    }

    private func evaluate(
        _ model: StageModel, _ features: inout [FrozenFeatures?]
    ) throws(TrainingError) -> [TaskScores] {
        for route in features.indices {
            do throws(FilesError) { try features[route]?.prepareAll() } catch { throw .features(error) }
        }
        return tasks.enumerated().compactMap { place, task in
            task.evaluation.map { data in
                TaskScores(
                    task: task.name,
                    scores: model.evaluate(
                        place, on: data, evaluationTexts[task.route], features[task.route], state.values))
            }
        }
    }

    /// The mean of the headline figures of tasks that learn; nil without one.
    private func score(of scores: [TaskScores]) -> Double? {
        let learning = Set(tasks.filter { $0.training != nil }.map(\.name))
        let figures = scores.filter { learning.contains($0.task) }.map(\.scores.headline.value)
        return figures.isEmpty ? nil : figures.reduce(0, +) / Double(figures.count)
    }

    /// The first task that has fallen further below its start than it may.
    private func harmedTask(by scores: [TaskScores]) -> String? {
        tasks.first { task in
            guard let limit = task.maximumDrop, let start = state.startScores[task.name],
                let now = scores.first(where: { $0.task == task.name })?.scores
            else { return false }
            return start.headline.value - now.headline.value > limit
        }?.name
    }

    // MARK: Features

    /// The features of each route's training and evaluation texts, nil where frozen layers run in every step: with the cache
    /// off, or where the embeddings are all that lies below what trains.
    ///
    /// Where there is one epoch, nothing is needed twice, so nothing is kept.
    private func keptFeatures(
        _ model: StageModel, _ options: TrainingOptions
    ) throws(TrainingError) -> (training: [FrozenFeatures?], evaluation: [FrozenFeatures?]) {
        let none = [FrozenFeatures?](repeating: nil, count: routes.count)
        guard options.reusesFrozenLayers else { return (none, none) }
        func features(_ texts: [RouteTexts]) -> [FrozenFeatures?] {
            routes.indices.map { route in
                guard model.routes[route].frozenLayers > 0 else { return nil }
                return model.features(route, texts[route], state.values)
            }
        }
        var training = features(trainingTexts)
        guard options.epochs > 1 else { return (training, none) }
        var evaluation = features(evaluationTexts)
        let limit = options.featureMemory ?? TrainingOptions.usualFeatureMemory
        let isInMemory = (training + evaluation).reduce(0) { $0 + ($1?.byteCount ?? 0) } <= limit
        let place = isInMemory ? ScratchSpace.Place.memory : .file(in: FileManager.default.temporaryDirectory)
        do throws(FilesError) {
            for route in routes.indices {
                try training[route]?.keep(in: place)
                try evaluation[route]?.keep(in: place)
            }
        } catch { throw .features(error) }
        return (training, evaluation)
    }

    /// Computes the features of the first of these steps, and ahead.
    private func prepare(
        _ features: inout [FrozenFeatures?], _ steps: ArraySlice<[TrainingOrder.Draw]>
    ) throws(TrainingError) {
        for route in features.indices {
            do throws(FilesError) {
                try features[route]?.prepare(steps.lazy.map { places(of: examples(of: $0), route) })
            } catch { throw .features(error) }
        }
    }

    // MARK: A step

    /// The texts of each task that a step draws, in the order of its examples.
    private func examples(of draws: [TrainingOrder.Draw]) -> [[Int]] {
        var texts = [[Int]](repeating: [], count: tasks.count)
        for draw in draws {
            for task in order.pools[draw.pool].tasks {
                texts[task] += tasks[task].training?.units[draw.example] ?? 0..<0
            }
        }
        return texts
    }

    private func tokens(of examples: [[Int]]) -> Int {
        examples.enumerated().reduce(0) { sum, task in
            task.element.reduce(sum) { $0 + (tasks[task.offset].training?.lengths[$1] ?? 0) }
        }
    }

    /// What the mean loss of each task counts in a step: its weight times its share of what is drawn.
    private func shares(of draws: [TrainingOrder.Draw]) -> [Float] {
        var shares = tasks.map(\.weight)
        for (index, pool) in order.pools.enumerated() where order.pools.count > 1 {
            let share = Float(draws.count { $0.pool == index }) / Float(draws.count)
            for task in pool.tasks { shares[task] *= share }
        }
        return shares
    }

    /// Where the texts of a step are among those of a route, each once.
    private func places(of examples: [[Int]], _ route: Int) -> [Int] {
        let places = examples.enumerated().flatMap { task, texts in
            tasks[task].route == route ? texts.map { trainingTexts[route].places[task][$0] } : []
        }
        return Array(Set(places)).sorted()
    }

    /// One step on some examples, from their features where there are any, and their mean loss before it.
    private mutating func step(
        on draws: [TrainingOrder.Draw], _ model: StageModel, _ options: TrainingOptions, share: Float,
        _ features: [FrozenFeatures?]
    ) throws(TrainingError) -> StepOutcome {
        let number = state.steps
        let step = TrainingStep(
            model: model, tasks: tasks, texts: trainingTexts, features: features, examples: examples(of: draws),
            shares: shares(of: draws), values: state.values, options: options, number: number)
        let losses = step.run(&laneGradients)
        let loss = losses.reduce(0) { $0 + $1.weighted }
        guard loss.isFinite else { throw .diverged(step: number + 1, loss: loss) }
        let mark = Profile.enter(.optimizer)
        defer { mark.leave() }
        model.clear(&laneGradients[0])
        let norm = options.clip.map { laneGradients[0].clip(toNorm: $0) } ?? laneGradients[0].norm
        let rates = model.rates(options)
        state.optimizer.step(
            &state.values, laneGradients[0],
            rates: parameters.places.indices.map { index in
                model.isTrained[index] ? (rates[parameters.places[index].part] ?? 0) * share : nil
            })
        state.losses.append(loss)
        return StepOutcome(
            loss: loss, losses: losses.map { (task: tasks[$0.task].name, loss: $0.mean) }, gradientNorm: norm)
    }

    /// Scores of the current values on a task's texts.
    public func evaluate(task: Int = 0, on texts: TrainingTexts) -> Scores {
        model(of: stages.count - 1).model(of: task).evaluate(on: texts, values(ofTask: task))
    }
}

/// What a step came to.
struct StepOutcome: Sendable {
    let loss: Double
    let losses: [(task: String, loss: Double)]
    let gradientNorm: Float
}
