import Foundation

/// How to train: everything but the data, the adapter and the seed's model.
public struct TrainingOptions: Sendable, Equatable {
    /// Passes over the training data.
    public var epochs = 3
    /// Texts a step.
    public var batchSize = 32
    /// Steps of so many texts whose gradients are one step of the optimizer, divided by the terms of all their losses. Texts
    /// that are compared with each other are so within each `batchSize` texts.
    public var accumulation = 1
    /// Peak learning rates, by part of the model and depth.
    public var learningRates = LearningRates()
    /// How the rate goes from its peak to the end.
    public var schedule = LearningRate.Schedule.linear
    /// Share of all steps over which the rate rises from zero.
    public var warmup = 0.1
    /// The same in steps, instead of a share; nil: the share holds.
    public var warmupSteps: Int?
    /// How often a schedule that restarts goes down, and how many times as long as the one before each cycle is.
    public var cycles = 1, cycleGrowth = 1.0
    /// The power of a schedule that is a polynomial of what is left.
    public var power = 1.0
    /// The share of the peak rate that the schedule goes down to.
    public var finalShare = 0.0
    /// Decay of trained matrices, decoupled from the gradient.
    public var weightDecay: Float = 0.01
    /// Whether biases and norms decay too. transformers spares them, and so does Graft unless it is told otherwise.
    public var decaysVectors = false
    /// Largest norm of a step's gradient; nil: no limit.
    public var clip: Float? = 1
    /// Tokens a text is cut to, special tokens included; a tagged sentence is read in windows of so many.
    public var maximumTokens = 256
    /// Where all randomness comes from.
    public var seed: UInt64 = 0
    /// Steps from one evaluation to the next; nil: the epochs are evaluated, at their ends.
    public var evaluationInterval: Int?
    /// Evaluations without a better one after which training stops; nil: never.
    public var patience: Int?
    /// The score that tells which evaluation is better, by its name in what `graft evaluate --json` prints; nil: the headline of
    /// the kind of task.
    public var metric: String?
    /// The decay of an exponential moving average of what trains, in [0, 1): it is what is evaluated and kept. Nil: the values
    /// themselves are.
    public var averageDecay: Float?
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

extension TrainingOptions {
    /// Examples of one step of the optimizer.
    var stepSize: Int { batchSize * accumulation }

    /// Peak learning rate of adapters.
    public var learningRate: Float {
        get { learningRates.adapters }
        set { learningRates.adapters = newValue }
    }

    /// Peak learning rate of the head; nil: that of the adapters.
    public var headLearningRate: Float? {
        get { learningRates.heads }
        set { learningRates.heads = newValue }
    }

    /// The rate's way through so many steps.
    public func schedule(steps: Int) -> LearningRate {
        LearningRate(
            schedule, steps: steps, warmupSteps: warmupSteps ?? LearningRate.warmupSteps(warmup, of: steps),
            cycles: cycles, cycleGrowth: cycleGrowth, power: power, floor: finalShare)
    }

    /// The decay of a parameter.
    func weightDecay(of place: ParameterPlace) -> Float { place.isVector && !decaysVectors ? 0 : weightDecay }
}
