/// The answer of a task to one text.
public struct Prediction: Sendable, Equatable {
    /// What was asked.
    public let input: TextInput
    /// The name of the task that answered.
    public let task: String
    /// What it said.
    public let answer: Answer

    /// What a task says, by its kind.
    public enum Answer: Sendable, Equatable {
        /// A class.
        case label(Classification)
        /// Any number of labels.
        case labels(LabelSet)
        /// A number.
        case number(Float)
        /// The cosine of the embeddings of two texts, from −1 to 1.
        case similarity(Float)
        /// Entities, in the order of the text.
        case entities([Entity])
    }

    /// A class for a text.
    public struct Classification: Sendable, Equatable {
        /// The label of the highest score.
        public let label: String
        /// Its probability.
        public let score: Float
        /// The probability of every label, in the head's order.
        public let scores: [LabelScore]

        init(_ labels: [String], _ probabilities: [Float]) {
            scores = zip(labels, probabilities).map { LabelScore(label: $0, score: $1) }
            let best = probabilities.indexOfLargest
            (label, score) = (labels[best], probabilities[best])
        }
    }

    /// The labels of a text that may have any number of them.
    public struct LabelSet: Sendable, Equatable {
        /// The labels whose probability is above the head's threshold, in the head's order.
        public let labels: [String]
        /// The probability of every label, in the head's order.
        public let scores: [LabelScore]

        init(_ names: [String], _ probabilities: [Float], chosen: [Int]) {
            labels = chosen.map { names[$0] }
            scores = zip(names, probabilities).map { LabelScore(label: $0, score: $1) }
        }
    }

    /// A label with its probability.
    public struct LabelScore: Sendable, Equatable {
        /// The label's name.
        public let label: String
        /// Its probability.
        public let score: Float
    }

    /// A stretch of the text that names something.
    public struct Entity: Sendable, Equatable {
        /// The stretch itself.
        public let text: String
        /// The entity's type.
        public let label: String
        /// Where it starts and ends in the text, counted in Unicode scalars, as Python counts.
        public let start, end: Int
        /// The mean probability of its words' tags.
        public let score: Float
    }

    /// The class, nil for the answer of another kind of task.
    public var classification: Classification? {
        if case .label(let classification) = answer { classification } else { nil }
    }

    /// The label of the class, nil for the answer of another kind of task.
    public var label: String? { classification?.label }

    /// The labels, nil for the answer of another kind of task.
    public var labelSet: LabelSet? { if case .labels(let labels) = answer { labels } else { nil } }

    /// The number, nil for the answer of another kind of task.
    public var number: Float? { if case .number(let number) = answer { number } else { nil } }

    /// How alike the texts are, nil for the answer of another kind of task.
    public var similarity: Float? { if case .similarity(let cosine) = answer { cosine } else { nil } }

    /// The entities, nil for the answer of another kind of task.
    public var entities: [Entity]? { if case .entities(let entities) = answer { entities } else { nil } }
}
