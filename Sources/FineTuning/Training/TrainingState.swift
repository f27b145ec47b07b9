import Encoders

/// All that changes while training goes on. What else a step depends on is a function of the run's settings and of
/// (seed, step, name), so this is what a checkpoint has to hold.
struct TrainingState: Sendable {
    /// The current values of what trains.
    var values: ParameterVector
    /// The moments, and the number of steps done.
    var optimizer: AdamW
    /// The losses of the running epoch's steps so far: as many as there are, so far is the epoch.
    var losses: [Double] = []
    /// The epochs that are finished.
    var epochs: [TrainingProgress.Epoch] = []
    /// The best of them; nil before the first is finished.
    var best: Best?

    /// The epoch to be kept, from 1, and the values at its end.
    struct Best: Sendable {
        let epoch: Int
        let values: ParameterVector
    }

    /// The state before the first step.
    init(_ values: ParameterVector, _ optimizer: AdamW) { (self.values, self.optimizer) = (values, optimizer) }

    /// Steps done, those of all epochs.
    var steps: Int { optimizer.steps }

    /// The epoch that the next step belongs to, from 1.
    var epoch: Int { epochs.count + 1 }

    /// Ends the running epoch with its scores, nil where there is nothing to evaluate on.
    mutating func endEpoch(of count: Int, _ scores: Scores?) -> TrainingProgress.Epoch {
        let bestScores = best.flatMap { epochs[$0.epoch - 1].scores }
        let isBest =
            scores.map { scores in bestScores.map { scores.headline.value > $0.headline.value } ?? true } ?? true
        let summary = TrainingProgress.Epoch(
            epoch: epoch, epochs: count, loss: losses.reduce(0, +) / Double(losses.count), scores: scores,
            isBest: isBest)
        epochs.append(summary)
        losses = []
        if isBest { best = Best(epoch: summary.epoch, values: values) }
        return summary
    }
}
