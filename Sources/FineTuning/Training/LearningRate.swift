import Foundation

/// The share of the peak learning rate that each step gets: it rises from 0 over the warm-up, then follows a schedule.
///
/// Step for step what Hugging Face transformers gives: `get_linear_schedule_with_warmup`,
/// `get_cosine_schedule_with_warmup`, `get_cosine_with_hard_restarts_schedule_with_warmup`,
/// `get_polynomial_decay_schedule_with_warmup` and `get_constant_schedule_with_warmup`; with cycles that grow, what PyTorch's
/// `CosineAnnealingWarmRestarts` gives. With a warm-up, the first step's share is 0.
public struct LearningRate: Sendable, Equatable {
    /// How the rate goes on after the warm-up.
    public let schedule: Schedule
    /// Steps in all, and of the warm-up.
    public let steps, warmupSteps: Int
    /// How often it goes down, where it restarts: each time from the peak.
    public let cycles: Int
    /// How many times as long as the one before a cycle is (SGDR's T_mult, Loshchilov and Hutter 2017).
    public let cycleGrowth: Double
    /// Of what is left of the way, where the schedule is a polynomial: 1 is a line.
    public let power: Double
    /// The share of the peak that it goes down to.
    public let floor: Double

    /// How the rate goes from its peak to the end.
    public enum Schedule: String, Sendable, CaseIterable {
        /// Down on a line.
        case linear
        /// Down on half a wave of the cosine.
        case cosine
        /// The same several times, each time from the peak (SGDR; hard or warm restarts: the two names mean the same).
        case cosineWithRestarts = "cosine-restarts"
        /// Down as a power of what is left.
        case polynomial
        /// It stays.
        case constant
    }

    /// A schedule with a warm-up of so many steps.
    ///
    /// - Parameters:
    ///   - cycles, cycleGrowth: how often a schedule that restarts goes down, 1 or more, and how many times as long as the one
    ///     before each cycle is, above 0.
    ///   - power: of a polynomial, above 0.
    ///   - floor: the share of the peak that it goes down to, in [0, 1]; a constant one stays at the peak.
    public init(
        _ schedule: Schedule, steps: Int, warmupSteps: Int, cycles: Int = 1, cycleGrowth: Double = 1,
        power: Double = 1, floor: Double = 0
    ) {
        precondition(steps >= 0 && warmupSteps >= 0, "numbers of steps are not negative")
        precondition(
            cycles > 0 && cycleGrowth > 0 && power > 0, "a schedule goes down at least once, by a power above 0")
        precondition((0...1).contains(floor), "the floor is a share of the peak, from 0 to 1")
        (self.schedule, self.steps, self.warmupSteps) = (schedule, steps, warmupSteps)
        (self.cycles, self.cycleGrowth, self.power, self.floor) = (cycles, cycleGrowth, power, floor)
    }

    /// A schedule whose warm-up is a share of all steps, in [0, 1], rounded down to whole steps.
    public init(_ schedule: Schedule, steps: Int, warmup: Double) {
        self.init(schedule, steps: steps, warmupSteps: LearningRate.warmupSteps(warmup, of: steps))
    }

    /// The whole steps of a share of all.
    static func warmupSteps(_ share: Double, of steps: Int) -> Int {
        precondition((0...1).contains(share), "the warm-up is a share of all steps, from 0 to 1")
        return Int(share * Double(steps))
    }

    /// The share of the peak rate that the step takes, in [0, 1]. Steps count from 0.
    public func multiplier(at step: Int) -> Float {
        if step < warmupSteps { return Float(Double(step) / Double(warmupSteps)) }
        let length = Double(max(1, steps - warmupSteps))
        let progress = Double(step - warmupSteps) / length
        let share: Double
        switch schedule {
        case .linear: share = max(0, Double(steps - step) / length)
        case .cosine: share = LearningRate.halfWave(progress)
        case .cosineWithRestarts: share = progress < 1 ? LearningRate.halfWave(placeInCycle(step)) : 0
        case .polynomial: share = pow(max(0, 1 - progress), power)
        case .constant: return 1
        }
        return Float(share * (1 - floor) + floor)
    }

    /// From 1 at 0 to 0 at 1.
    private static func halfWave(_ progress: Double) -> Double { max(0, 0.5 * (1 + cos(.pi * progress))) }

    /// How much of its cycle is behind a step that is neither of the warm-up nor past the end.
    private func placeInCycle(_ step: Int) -> Double {
        let (length, done) = (Double(max(1, steps - warmupSteps)), Double(step - warmupSteps))
        if cycleGrowth == 1 { return (Double(cycles) * (done / length)).truncatingRemainder(dividingBy: 1) }
        // In steps: where cycles are whole numbers of these, each begins exactly where it should.
        var cycle = length / (0..<cycles).reduce(0) { $0 + pow(cycleGrowth, Double($1)) }
        var rest = done
        for _ in 1..<cycles where rest >= cycle {
            rest -= cycle
            cycle *= cycleGrowth
        }
        return rest / cycle
    }
}
