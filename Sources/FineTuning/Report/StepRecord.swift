/// One step of a run: a row of `metrics.jsonl`.
public struct StepRecord: Sendable, Equatable, Codable {
    /// The step, from 1, counted over all stages.
    public var step: Int
    /// The stage, from 1, and the epoch within it, from 1.
    public var stage, epoch: Int
    /// Mean loss of the step's examples, before the step.
    public var loss: Double
    /// The same for each task that had examples in the step.
    public var losses: [String: Double]
    /// The learning rate of each group that trained: "adapters", "heads", ….
    public var learningRates: [String: Double]
    /// The norm of the gradient before it was clipped; nil where it was not taken.
    public var gradientNorm: Double?
    /// Real tokens, without padding, of the step's texts.
    public var tokens: Int
    /// Seconds that the step took.
    public var seconds: Double

    /// The given facts.
    public init(
        step: Int, stage: Int, epoch: Int, loss: Double, losses: [String: Double], learningRates: [String: Double],
        gradientNorm: Double?, tokens: Int, seconds: Double
    ) {
        (self.step, self.stage, self.epoch) = (step, stage, epoch)
        (self.loss, self.losses, self.learningRates) = (loss, losses, learningRates)
        (self.gradientNorm, self.tokens, self.seconds) = (gradientNorm, tokens, seconds)
    }

    private enum CodingKeys: String, CodingKey {
        case step, stage, epoch, loss, losses, tokens, seconds
        case learningRates = "learning_rates"
        case gradientNorm = "gradient_norm"
    }
}
