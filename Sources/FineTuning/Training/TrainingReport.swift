/// What a training run came to.
public struct TrainingReport: Sendable {
    /// Every epoch that was finished.
    public let epochs: [TrainingProgress.Epoch]
    /// The epoch that was kept, from 1; nil where none was finished.
    public let bestEpoch: Int?
    /// Whether it was asked to stop before its end.
    public let isInterrupted: Bool
    /// Steps done, those before a resumption included.
    public let steps: Int
    /// Tokens trained on per second over all steps, and its median over steps; evaluations, and steps before a
    /// resumption, left out.
    public let tokensPerSecond, medianTokensPerSecond: Double
    /// Seconds of these steps.
    public let seconds: Double
    /// Numbers that trained.
    public let trainedParameters: Int
    /// Parameters that ended where they started, bit for bit: training did nothing to them.
    public let unmoved: [String]

    /// The scores of the epoch that was kept, nil without evaluation data.
    public var scores: Scores? { bestEpoch.flatMap { epochs[$0 - 1].scores } }
}
