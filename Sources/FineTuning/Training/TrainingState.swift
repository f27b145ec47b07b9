import Encoders

/// All that changes while training goes on. What else a step depends on is a function of the run's settings and of
/// (seed, step, name), so this is what a checkpoint has to hold.
struct TrainingState: Sendable {
    /// The current values of what trains.
    var values: ParameterVector
    /// The moments of the running stage, and the number of its steps done.
    var optimizer: AdamW
    /// The losses of the running epoch's steps so far: as many as there are, so far is the epoch.
    var losses: [Double] = []
    /// The epochs of the running stage that are finished.
    var epochs: [TrainingProgress.Epoch] = []
    /// The best of them; nil before the first is finished.
    var best: Best?
    /// The stages that are finished.
    var stages: [TrainingProgress.Stage] = []
    /// The best state of all finished stages, and which stage it is of, from 1.
    var bestOfRun: BestStage?
    /// The scores before the first step of tasks that are watched, by their names.
    var startScores: [String: Scores] = [:]
    /// Seconds of the running stage's steps.
    var seconds = 0.0

    /// The epoch to be kept, from 1, and the values at its end.
    struct Best: Sendable {
        let epoch: Int
        let values: ParameterVector
    }

    /// The stage to be kept, from 1, and its best values.
    struct BestStage: Sendable {
        let stage: Int
        let values: ParameterVector
    }

    /// The state before the first step.
    init(_ values: ParameterVector, _ optimizer: AdamW) { (self.values, self.optimizer) = (values, optimizer) }

    /// Steps done, those of all stages.
    var steps: Int { stages.reduce(0) { $0 + $1.steps } + optimizer.steps }

    /// The stage that the next step belongs to, from 1.
    var stage: Int { stages.count + 1 }

    /// The epoch of its stage that the next step belongs to, from 1.
    var epoch: Int { epochs.count + 1 }

    /// The epoch of the run that the next step belongs to, from 1.
    var epochOfRun: Int { stages.reduce(0) { $0 + $1.epochs.count } + epoch }

    /// Ends the running epoch.
    ///
    /// - Parameters:
    ///   - count: epochs of the stage.
    ///   - scores: of every task with data to evaluate on.
    ///   - score: the figure that epochs are compared by; nil without one, then the last is the best.
    ///   - isEligible: whether the epoch may be the best at all.
    mutating func endEpoch(
        of count: Int, _ scores: [TaskScores], score: Double?, isEligible: Bool
    ) -> TrainingProgress.Epoch {
        let bestScore = best.flatMap { epochs[$0.epoch - 1].score }
        let isBetter = score.map { score in bestScore.map { score > $0 } ?? true } ?? true
        let summary = TrainingProgress.Epoch(
            stage: stage, epoch: epoch, epochs: count, step: steps,
            loss: losses.reduce(0, +) / Double(losses.count), taskScores: scores, score: score,
            isBest: isEligible && isBetter)
        epochs.append(summary)
        losses = []
        if summary.isBest { best = Best(epoch: summary.epoch, values: values) }
        return summary
    }

    /// Ends the running stage: its best state, if it has one, is where the next one starts.
    mutating func endStage(_ name: String, trained: [ParameterPlace.Part: Int], _ optimizer: AdamW) -> TrainingProgress.Stage {
        if let best { values = best.values }
        let score = best.flatMap { epochs[$0.epoch - 1].score }
        let earlier = bestOfRun.flatMap { stages[$0.stage - 1].score }
        let isBetter = score.map { score in earlier.map { score > $0 } ?? true } ?? true
        let summary = TrainingProgress.Stage(
            stage: stage, name: name, epochs: epochs, bestEpoch: best?.epoch, trained: trained,
            steps: self.optimizer.steps, seconds: seconds, isBest: best != nil && isBetter, values: values)
        stages.append(summary)
        if summary.isBest { bestOfRun = BestStage(stage: summary.stage, values: values) }
        (self.optimizer, losses, epochs, best, seconds) = (optimizer, [], [], nil, 0)
        return summary
    }
}
