import Foundation

/// How far the answers of two models are apart on the same texts.
public struct OutputDifference: Sendable, Equatable {
    /// The number of texts.
    public let texts: Int
    /// The largest difference between any two numbers of the sentence embeddings.
    public let embeddings: Float
    /// The largest difference between any two probabilities; nil where one of them has no head.
    public let probabilities: Float?

    /// The difference between two models with tasks on `samples`; a task that is nil stands for no adapter.
    init(
        _ left: AdaptedModel, _ leftTask: String?, _ right: AdaptedModel, _ rightTask: String?, on samples: [TextInput]
    ) throws {
        precondition(!samples.isEmpty, "a comparison needs texts")
        texts = samples.count
        embeddings = OutputDifference.largest(
            try left.embed(samples, task: leftTask), try right.embed(samples, task: rightTask))
        func answers(_ model: AdaptedModel, _ task: String?) throws -> [[Float]]? {
            guard let task, let head = model.tasks[task]?.head, head.objective != .similarity else { return nil }
            return try model.probabilities(samples, task: task)
        }
        guard let first = try answers(left, leftTask), let second = try answers(right, rightTask) else {
            probabilities = nil
            return
        }
        probabilities = OutputDifference.largest(first, second)
    }

    private static func largest(_ left: [[Float]], _ right: [[Float]]) -> Float {
        zip(left, right).reduce(0) { largest, rows in
            zip(rows.0, rows.1).reduce(largest) { max($0, abs($1.0 - $1.1)) }
        }
    }
}
