import Foundation

/// How to train: everything but the data, the adapter and the seed's model.
public struct TrainingOptions: Sendable, Equatable {
    /// Passes over the training data.
    public var epochs = 3
    /// Texts a step.
    public var batchSize = 32
    /// Peak learning rate of adapters.
    public var learningRate: Float = 1e-3
    /// Peak learning rate of the head; nil: that of the adapters.
    public var headLearningRate: Float?
    /// How the rate goes from its peak to the end.
    public var schedule = LearningRate.Schedule.linear
    /// Share of all steps over which the rate rises from zero.
    public var warmup = 0.1
    /// Decay of every trained number, decoupled from the gradient.
    public var weightDecay: Float = 0.01
    /// Largest norm of a step's gradient; nil: no limit.
    public var clip: Float? = 1
    /// Tokens a text is cut to, special tokens included; a tagged sentence is read in windows of so many.
    public var maximumTokens = 256
    /// Where all randomness comes from.
    public var seed: UInt64 = 0
    /// Epochs without a better evaluation after which training stops; nil: never.
    public var patience: Int?
    /// Whether the frozen encoder's own dropout applies in training, as its config says.
    public var dropsInsideEncoder = true

    /// Whether the layers below the lowest adapter run once for each text, as in inference, and what they give is kept for
    /// later epochs. Otherwise they run in every step, with their own dropout. With an adapter in the lowest layer both are
    /// the same.
    public var reusesFrozenLayers = true
    /// Bytes of memory for what frozen layers give; where more is needed it is kept in a temporary file. Nil: an eighth of
    /// the machine's memory. Results do not depend on it.
    public var featureMemory: Int?

    /// What ``featureMemory`` is where nothing else is said: an eighth of the machine's memory, in bytes.
    public static let usualFeatureMemory = Int(ProcessInfo.processInfo.physicalMemory / 8)

    /// The defaults.
    public init() {}
}
