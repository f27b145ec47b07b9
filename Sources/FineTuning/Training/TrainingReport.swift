/// What a training run came to.
public struct TrainingReport: Sendable {
    /// Every stage, in order; the last of a run that was stopped may be unfinished.
    public let stages: [TrainingProgress.Stage]
    /// The stage that was kept, from 1; nil where none was good enough, and what training started from was kept.
    public let bestStage: Int?
    /// Whether it was asked to stop before its end.
    public let isInterrupted: Bool
    /// The task that was harmed more than it may be, where that stopped the run.
    public let harmedTask: String?
    /// Steps done, those before a resumption included.
    public let steps: Int
    /// Tokens trained on per second over all steps, and its median over steps; evaluations, and steps before a
    /// resumption, left out.
    public let tokensPerSecond, medianTokensPerSecond: Double
    /// Seconds of these steps.
    public let seconds: Double
    /// Numbers that trained in some stage.
    public let trainedParameters: Int
    /// Parameters that ended where they started, bit for bit, though they were to train: training did nothing to them.
    public let unmoved: [String]

    /// Every epoch that was finished, stage after stage.
    public var epochs: [TrainingProgress.Epoch] { stages.flatMap(\.epochs) }

    /// The epoch that was kept, among all; nil where none was.
    public var best: TrainingProgress.Epoch? { bestStage.flatMap { stages[$0 - 1].best } }

    /// The epoch that was kept, from 1, counted from the start of the run.
    public var bestEpoch: Int? {
        guard let bestStage, let epoch = stages[bestStage - 1].bestEpoch else { return nil }
        return stages[..<(bestStage - 1)].reduce(0) { $0 + $1.epochs.count } + epoch
    }

    /// The scores of the epoch that was kept, of its first task, nil without evaluation data.
    public var scores: Scores? { best?.scores }
}
