/// How AdaLoRA gives out ranks, in the terms of PEFT's `AdaLoraConfig`.
public struct RankSchedule: Sendable, Equatable {
    /// The mean rank in the end: `target_r`.
    public var targetRank: Int
    /// Steps before ranks are taken away: `tinit`.
    public var warmupSteps: Int
    /// Steps in the end in which the ranks stay as they are: `tfinal`.
    public var finalSteps: Int
    /// Steps from one decision to the next: `deltaT`.
    public var interval: Int
    /// Decay of the mean of sensitivities: `beta1`.
    public var sensitivityDecay: Float
    /// Decay of the mean of their uncertainty: `beta2`.
    public var uncertaintyDecay: Float
    /// What the distance of A Aᵀ and Bᵀ B from the identity counts in the loss: `orth_reg_weight`.
    public var orthogonality: Float

    /// PEFT's settings, unless said otherwise.
    public init(
        targetRank: Int = 8, warmupSteps: Int = 0, finalSteps: Int = 0, interval: Int = 1,
        sensitivityDecay: Float = 0.85, uncertaintyDecay: Float = 0.85, orthogonality: Float = 0.5
    ) {
        precondition(targetRank > 0, "a rank is 1 or more")
        precondition(warmupSteps >= 0 && finalSteps >= 0 && interval > 0, "steps are counted")
        (self.targetRank, self.warmupSteps, self.finalSteps) = (targetRank, warmupSteps, finalSteps)
        (self.interval, self.orthogonality) = (interval, orthogonality)
        (self.sensitivityDecay, self.uncertaintyDecay) = (sensitivityDecay, uncertaintyDecay)
    }

    /// The step, from 0, of `steps` at which the last decision is made.
    func lastDecision(of steps: Int) -> Int { min(steps - finalSteps, steps - 1) }

    /// The ranks that all maps together have after a step, from 0, of `steps`; they fall from `initial` with the cube of what is left.
    ///
    /// - Returns: the budget; nil where nothing is decided after this step.
    func budget(after step: Int, of steps: Int, initial: Int, maps: Int) -> Int? {
        let (target, last) = (targetRank * maps, lastDecision(of: steps))
        guard step > warmupSteps, step <= last else { return nil }
        guard step < last else { return target }
        guard step.isMultiple(of: interval) else { return nil }
        let left = 1 - Double(step - warmupSteps) / Double(steps - finalSteps - warmupSteps)
        return Int(Double(initial - target) * left * left * left + Double(target))
    }
}
