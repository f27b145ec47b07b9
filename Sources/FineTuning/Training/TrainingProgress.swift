import Encoders

/// What training says while it runs.
public enum TrainingProgress: Sendable {
    /// A step is done.
    case step(Step)
    /// An epoch is done, and evaluated where there is data to evaluate on.
    case epoch(Epoch)
    /// A stage is done.
    case stage(Stage)

    /// The state after one step.
    public struct Step: Sendable {
        /// Steps done, from 1, of `steps` in all.
        public let step, steps: Int
        /// The stage it belongs to, and the epoch of that stage, from 1.
        public let stage, epoch: Int
        /// Loss of the step: the mean over its examples, each task's with its weight.
        public let loss: Double
        /// The mean loss of each task that has examples in the step, before its weight.
        public let losses: [(task: String, loss: Double)]
        /// The learning rate of each part of the model that trains.
        public let learningRates: [ParameterPlace.Part: Float]
        /// The Euclidean norm of the gradient of all that trains, before it is clipped.
        public let gradientNorm: Float
        /// Tokens of the step, and the seconds it took.
        public let tokens: Int, seconds: Double
        /// Tokens trained on per second, from the start of training, time of evaluations left out.
        public let tokensPerSecond: Double
        /// Seconds left at this speed, evaluations left out.
        public let secondsLeft: Double
    }

    /// The state after one epoch.
    public struct Epoch: Sendable {
        /// The stage it belongs to, from 1.
        public let stage: Int
        /// The epoch of the stage, from 1, of `epochs` at most.
        public let epoch, epochs: Int
        /// Steps done, those of earlier stages included.
        public let step: Int
        /// Mean loss over the epoch's steps.
        public let loss: Double
        /// The scores of each task on its evaluation data, in the order of the tasks; empty without such data.
        public let taskScores: [TaskScores]
        /// What epochs are compared by, the higher the better: the mean of the headline figures of the tasks that learn. Nil
        /// without such scores.
        public let score: Double?
        /// Whether this is the best epoch of its stage so far: the one to be kept.
        public let isBest: Bool

        /// The scores of the first task that has some.
        public var scores: Scores? { taskScores.first?.scores }
    }

    /// The state after one stage.
    public struct Stage: Sendable {
        /// The stage, from 1, and its name.
        public let stage: Int, name: String
        /// Its epochs.
        public let epochs: [Epoch]
        /// The epoch that was kept, from 1; nil where none was finished, or none was good enough to be kept.
        public let bestEpoch: Int?
        /// Numbers that trained, by the part of the model.
        public let trained: [ParameterPlace.Part: Int]
        /// Its steps, and the seconds that they took.
        public let steps: Int, seconds: Double
        /// Whether this is the best stage so far: the one to be kept.
        public let isBest: Bool
        /// The values at its end; nil for a stage that was done before the run was resumed.
        let values: ParameterVector?

        /// The epoch that was kept.
        public var best: Epoch? { bestEpoch.map { epochs[$0 - 1] } }
        /// What stages are compared by.
        public var score: Double? { best?.score }
    }
}

/// How well one of several tasks does.
public struct TaskScores: Sendable, Equatable {
    /// The task.
    public let task: String
    /// Its scores.
    public let scores: Scores

    /// The given parts.
    public init(task: String, scores: Scores) { (self.task, self.scores) = (task, scores) }
}

/// Whether training goes on after a report.
public enum Continuation: Sendable {
    /// Go on.
    case more
    /// Stop now; the best epoch so far is kept.
    case stop
}
