/// What training says while it runs.
public enum TrainingProgress: Sendable {
    /// A step is done.
    case step(Step)
    /// An epoch is done, and evaluated where there is data to evaluate on.
    case epoch(Epoch)

    /// The state after one step.
    public struct Step: Sendable {
        /// Steps done, from 1, of `steps` in all.
        public let step, steps: Int
        /// The epoch it belongs to, from 1.
        public let epoch: Int
        /// Mean loss of the step's texts.
        public let loss: Double
        /// Tokens trained on per second, from the start of training, time of evaluations left out.
        public let tokensPerSecond: Double
        /// Seconds left at this speed, evaluations left out.
        public let secondsLeft: Double
    }

    /// The state after one epoch.
    public struct Epoch: Sendable {
        /// The epoch, from 1, of `epochs` in all.
        public let epoch, epochs: Int
        /// Mean loss over the epoch's steps.
        public let loss: Double
        /// Scores on the evaluation data, nil without such data.
        public let scores: Scores?
        /// Whether this is the best epoch so far: the one to be kept.
        public let isBest: Bool
    }
}

/// Whether training goes on after a report.
public enum Continuation: Sendable {
    /// Go on.
    case more
    /// Stop now; the best epoch so far is kept.
    case stop
}
