import Foundation

/// The share of the peak learning rate that each step gets: it rises from 0 over the warm-up, then follows a schedule.
///
/// Step for step what `get_linear_schedule_with_warmup`, `get_cosine_schedule_with_warmup` and
/// `get_constant_schedule_with_warmup` of Hugging Face transformers give. With a warm-up, the first step's share is 0.
public struct LearningRate: Sendable, Equatable {
    /// How the rate goes on after the warm-up.
    public let schedule: Schedule
    /// Steps in all, and of the warm-up.
    public let steps, warmupSteps: Int

    /// How the rate goes from its peak to the end.
    public enum Schedule: String, Sendable, CaseIterable {
        /// Down to 0 on a line.
        case linear
        /// Down to 0 on half a wave of the cosine.
        case cosine
        /// It stays.
        case constant
    }

    /// A schedule with a warm-up of so many steps.
    public init(_ schedule: Schedule, steps: Int, warmupSteps: Int) {
        precondition(steps >= 0 && warmupSteps >= 0, "numbers of steps are not negative")
        (self.schedule, self.steps, self.warmupSteps) = (schedule, steps, warmupSteps)
    }

    /// A schedule whose warm-up is a share of all steps, in [0, 1], rounded down to whole steps.
    public init(_ schedule: Schedule, steps: Int, warmup: Double) {
        precondition((0...1).contains(warmup), "the warm-up is a share of all steps, from 0 to 1")
        self.init(schedule, steps: steps, warmupSteps: Int(warmup * Double(steps)))
    }

    /// The share of the peak rate that the step takes, in [0, 1]. Steps count from 0.
    public func multiplier(at step: Int) -> Float {
        if step < warmupSteps { return Float(Double(step) / Double(warmupSteps)) }
        let length = Double(max(1, steps - warmupSteps))
        return switch schedule {
        case .linear: Float(max(0, Double(steps - step) / length))
        case .cosine: Float(max(0, 0.5 * (1 + cos(.pi * (Double(step - warmupSteps) / length)))))
        case .constant: 1
        }
    }
}
