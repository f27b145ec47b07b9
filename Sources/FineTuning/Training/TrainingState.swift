import Adapters
import Encoders

/// All that changes while training goes on. What else a step depends on is a function of the run's settings and of
/// (seed, step, name), so this is what a checkpoint has to hold.
struct TrainingState: Sendable {
    /// The current values of what trains.
    var values: ParameterVector
    /// The moments of the running stage, and the number of its steps done.
    var optimizer: AdamW
    /// The moving average of the values of the running stage; nil where none is kept.
    var average: MovingAverage?
    /// What AdaLoRA keeps of each route, by the route's place; routes without it are not there.
    var allocations: [Int: RankAllocation] = [:]
    /// The losses of the steps since the last evaluation, or since the last epoch where these are evaluated.
    var losses: [Double] = []
    /// The epochs of the running stage that are finished, or its evaluations where these have an interval of their own.
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

    /// The one of ``epochs`` to be kept, from 1, and the values at its end.
    struct Best: Sendable {
        let place: Int
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

    /// Epochs of earlier stages, those included that were ended early.
    var earlierEpochs: Int { stages.reduce(0) { $0 + ($1.epochs.last?.epoch ?? 0) } }

    /// What is evaluated and kept: the average where there is one.
    var kept: ParameterVector { average?.values ?? values }

    /// Ends an epoch, or a stretch of steps where evaluations have an interval of their own.
    ///
    /// - Parameters:
    ///   - epoch: the epoch that the last step was of, of so many of the stage.
    ///   - scores: of every task with data to evaluate on.
    ///   - score: the figure that epochs are compared by; nil without one, then the last is the best.
    ///   - isEligible: whether the epoch may be the best at all.
    mutating func endEpoch(
        _ epoch: Int, of count: Int, _ scores: [TaskScores], score: Double?, isEligible: Bool
    ) -> TrainingProgress.Epoch {
        let bestScore = best.flatMap { epochs[$0.place - 1].score }
        let isBetter = score.map { score in bestScore.map { score > $0 } ?? true } ?? true
        let summary = TrainingProgress.Epoch(
            stage: stage, epoch: epoch, epochs: count, step: steps,
            loss: losses.reduce(0, +) / Double(losses.count), taskScores: scores, score: score,
            isBest: isEligible && isBetter)
        epochs.append(summary)
        losses = []
        if summary.isBest { best = Best(place: epochs.count, values: kept) }
        return summary
    }

    /// Ends the running stage: its best state, if it has one, is where the next one starts.
    mutating func endStage(_ name: String, trained: [ParameterPlace.Part: Int], _ optimizer: AdamW)
        -> TrainingProgress.Stage
    {
        values = best?.values ?? kept
        let score = best.flatMap { epochs[$0.place - 1].score }
        let earlier = bestOfRun.flatMap { stages[$0.stage - 1].score }
        let isBetter = score.map { score in earlier.map { score > $0 } ?? true } ?? true
        let summary = TrainingProgress.Stage(
            stage: stage, name: name, epochs: epochs, bestEpoch: best?.place, trained: trained,
            steps: self.optimizer.steps, seconds: seconds, isBest: best != nil && isBetter, values: values)
        stages.append(summary)
        if summary.isBest { bestOfRun = BestStage(stage: summary.stage, values: values) }
        (self.optimizer, average, losses, epochs, best, seconds) = (optimizer, nil, [], [], nil, 0)
        return summary
    }
}
