import Adapters
import Encoders
import Matrices

/// One step: its examples, its gradient, and the optimizer.
extension Trainer {
    /// The texts of each task that a step draws, in the order of its examples.
    func examples(of draws: [TrainingOrder.Draw]) -> [[Int]] {
        var texts = [[Int]](repeating: [], count: tasks.count)
        for draw in draws {
            for task in order.pools[draw.pool].tasks {
                texts[task] += tasks[task].training?.units[draw.example] ?? 0..<0
            }
        }
        return texts
    }

    func tokens(of examples: [[Int]]) -> Int {
        examples.enumerated().reduce(0) { sum, task in
            task.element.reduce(sum) { $0 + (tasks[task.offset].training?.lengths[$1] ?? 0) }
        }
    }

    /// What the mean loss of each task counts in a step: its weight times its share of what is drawn.
    func shares(of draws: [TrainingOrder.Draw]) -> [Float] {
        var shares = tasks.map(\.weight)
        for (index, pool) in order.pools.enumerated() where order.pools.count > 1 {
            let share = Float(draws.count { $0.pool == index }) / Float(draws.count)
            for task in pool.tasks { shares[task] *= share }
        }
        return shares
    }

    /// Where the texts of a step are among those of a route, each once.
    func places(of examples: [[Int]], _ route: Int) -> [Int] {
        let places = examples.enumerated().flatMap { task, texts in
            tasks[task].route == route ? texts.map { trainingTexts[route].places[task][$0] } : []
        }
        return Array(Set(places)).sorted()
    }

    /// One step on some examples, from their features where there are any, and their mean loss before it.
    ///
    /// - Throws: ``TrainingError`` where what trains has not moved, or what is frozen has.
    /// - Returns: what it came to, or which texts have losses that are no numbers: then nothing has changed.
    mutating func step(
        on draws: [TrainingOrder.Draw], _ model: StageModel, _ options: TrainingOptions, share: Float,
        _ features: [FrozenFeatures?], _ watch: inout TrainingGuard
    ) throws(TrainingError) -> Result<StepOutcome, StepFailure> {
        let (losses, notFinite) = computeGradient(of: draws, model, options, features)
        let mark = Profile.enter(.optimizer)
        defer { mark.leave() }
        let loss = losses.reduce(0) { $0 + $1.weighted } + state.regularize(&laneGradients[0], model)
        let norm = options.clip.map { laneGradients[0].clip(toNorm: $0) } ?? laneGradients[0].norm
        guard loss.isFinite, norm.isFinite else {
            return .failure(StepFailure(loss: loss, gradientNorm: norm, texts: notFinite))
        }
        condition(model)
        let rates = model.parameterRates(options).map { $0.map { $0 * share } }
        state.optimizer.step(
            &state.values, laneGradients[0], rates: rates,
            decays: parameters.places.map(options.weightDecay))
        state.allocateRanks(laneGradients[0], model, of: options.epochs * stepsPerEpoch(options))
        state.average?.add(state.values, after: state.optimizer.steps)
        state.maskAverage(model)
        let active = Set(losses.map(\.task))
        try watch.add(state.values, state.optimizer, rates: rates.map { $0 ?? 0 }) { index in
            if let owner = parameters.owners[index] { return active.contains(owner) }
            guard let route = parameters.route(of: index) else { return false }
            let handle = parameters.routes[route].parameters[index - parameters.firstOfRoutes[route]]
            return active.contains { tasks[$0].route == route } && !(state.allocations[route]?.isOut(handle) ?? false)
        }
        state.losses.append(loss)
        return .success(
            StepOutcome(
                loss: loss, losses: losses.map { (task: tasks[$0.task].name, loss: $0.mean) }, gradientNorm: norm))
    }

    /// Makes the gradient of a step what the adapters want an optimizer to see.
    mutating func condition(_ model: StageModel) {
        for (index, route) in model.routes.enumerated() where route.isTrained && route.adapters.conditionsGradients {
            laneGradients[0].show(as: parameters.routes[index])
            route.adapters.condition(&laneGradients[0], state.values.viewed(as: parameters.routes[index]))
            laneGradients[0].show(as: parameters.whole)
        }
    }

    /// Leaves the gradient of a step, summed over its batches, in the first of ``laneGradients``.
    ///
    /// - Returns: the loss of each task, and the texts whose losses are no numbers.
    mutating func computeGradient(
        of draws: [TrainingOrder.Draw], _ model: StageModel, _ options: TrainingOptions, _ features: [FrozenFeatures?]
    ) -> (losses: [TrainingStep.TaskLoss], notFinite: [(task: Int, texts: [Int])]) {
        let all = examples(of: draws)
        let terms = tasks.indices.map { task in
            all[task].reduce(0.0) { sum, text in
                sum + (tasks[task].training.map { tasks[task].head.lossTerms(of: $0.targets[text]) } ?? 0)
            }
        }
        var (losses, notFinite) = ([TrainingStep.TaskLoss](), [(task: Int, texts: [Int])]())
        var (parts, sum) = (0, Gradients?.none)
        for start in stride(from: 0, to: draws.count, by: options.batchSize) {
            let batch = Array(draws[start..<min(start + options.batchSize, draws.count)])
            let step = TrainingStep(
                model: model, tasks: tasks, texts: trainingTexts, features: features, examples: examples(of: batch),
                terms: terms, shares: shares(of: draws), values: state.values, options: options, number: state.steps,
                firstPart: parts)
            let outcome = step.run(&laneGradients)
            parts += outcome.parts
            notFinite += outcome.notFinite
            model.clear(&laneGradients[0])
            for loss in outcome.losses {
                if let place = losses.firstIndex(where: { $0.task == loss.task }) {
                    losses[place].add(loss)
                } else {
                    losses.append(loss)
                }
            }
            guard draws.count > options.batchSize else { break }
            if start == 0 { sum = laneGradients[0] } else { sum?.add(laneGradients[0]) }
        }
        if let sum { laneGradients[0] = sum }
        return (losses.sorted { $0.task < $1.task }, notFinite)
    }
}

/// The texts of a step whose losses are no numbers.
struct StepFailure: Error {
    let loss: Double
    let gradientNorm: Float
    let texts: [(task: Int, texts: [Int])]
}

/// What a step came to.
struct StepOutcome: Sendable {
    let loss: Double
    let losses: [(task: String, loss: Double)]
    let gradientNorm: Float
}
