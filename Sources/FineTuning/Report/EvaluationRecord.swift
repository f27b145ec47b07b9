/// The scores of one task at one moment of a run: a row of `metrics.jsonl`.
public struct EvaluationRecord: Sendable, Equatable, Codable {
    /// Steps done before it, counted over all stages; 0: before training.
    public var step: Int
    /// The stage, from 1, and the epoch within it, from 1; epoch 0 is the stage's start.
    public var stage, epoch: Int
    /// The task's name.
    public var task: String
    /// Whether it is the best of its stage so far: the state that is kept.
    public var isBest: Bool
    /// The figures of the task's kind by name: "accuracy", "macro_f1", ….
    public var scores: [String: Double]

    /// The given facts.
    public init(step: Int, stage: Int, epoch: Int, task: String, isBest: Bool, scores: [String: Double]) {
        (self.step, self.stage, self.epoch) = (step, stage, epoch)
        (self.task, self.isBest, self.scores) = (task, isBest, scores)
    }

    private enum CodingKeys: String, CodingKey {
        case step, stage, epoch, task, scores
        case isBest = "best"
    }
}
