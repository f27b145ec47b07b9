/// How well a task does on texts of which the answers are known, in the figures of its kind.
public enum Scores: Sendable, Equatable {
    /// Of classes.
    case classification(ClassificationMetrics)
    /// Of tags.
    case tagging(TaggingMetrics)

    /// The figure that epochs are compared by, and what it is called: the higher the better.
    public var headline: (name: String, value: Double) {
        switch self {
        case .classification(let metrics): ("accuracy", metrics.accuracy)
        case .tagging(let metrics): ("entity F1", metrics.f1)
        }
    }

    /// The scores of classes, nil for another kind of task.
    public var classification: ClassificationMetrics? {
        if case .classification(let metrics) = self { metrics } else { nil }
    }

    /// The scores of tags, nil for another kind of task.
    public var tagging: TaggingMetrics? {
        if case .tagging(let metrics) = self { metrics } else { nil }
    }
}
