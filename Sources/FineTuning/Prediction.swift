/// The answer of a classification task to one text.
public struct Prediction: Sendable, Equatable {
    /// What was asked.
    public let input: TextInput
    /// The name of the task that answered.
    public let task: String
    /// The label of the highest score.
    public let label: String
    /// Its probability.
    public let score: Float
    /// The probability of every label, in the head's order.
    public let scores: [LabelScore]

    /// A label with its probability.
    public struct LabelScore: Sendable, Equatable {
        /// The label's name.
        public let label: String
        /// Its probability.
        public let score: Float
    }

    init(_ input: TextInput, task: String, _ labels: [String], _ probabilities: [Float]) {
        scores = zip(labels, probabilities).map { LabelScore(label: $0, score: $1) }
        let best = probabilities.indexOfLargest
        (self.input, self.task, label, score) = (input, task, labels[best], probabilities[best])
    }
}
