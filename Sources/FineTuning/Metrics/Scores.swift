/// How well a task does on texts of which the answers are known, in the figures of its kind.
public enum Scores: Sendable, Equatable, Codable {
    /// Of classes.
    case classification(ClassificationMetrics)
    /// Of any number of labels.
    case multilabel(MultilabelMetrics)
    /// Of numbers.
    case regression(RegressionMetrics)
    /// Of tags.
    case tagging(TaggingMetrics)
    /// Of cosines against scores.
    case similarity(SimilarityMetrics)
    /// Of texts that have to find the one that belongs to them.
    case ranking(RankingMetrics)

    /// The figure that epochs are compared by, and what people call it: the higher the better.
    public var headline: (name: String, value: Double) {
        switch self {
        case .classification(let metrics): ("accuracy", metrics.accuracy)
        case .multilabel(let metrics): ("micro F1", metrics.micro.f1)
        case .regression(let metrics): ("R²", metrics.determination)
        case .tagging(let metrics): ("entity F1", metrics.f1)
        case .similarity(let metrics): ("Spearman", metrics.spearman)
        case .ranking(let metrics): ("mean reciprocal rank", metrics.meanReciprocalRank)
        }
    }

    /// All figures by the names that they have in JSON, the headline first.
    public var values: [(name: String, value: Double)] {
        switch self {
        case .classification(let metrics):
            [
                ("accuracy", metrics.accuracy), ("macro_f1", metrics.macroF1), ("micro_f1", metrics.microF1),
                ("weighted_f1", metrics.weightedF1), ("matthews", metrics.matthews),
            ]
        case .multilabel(let metrics):
            [
                ("micro_f1", metrics.micro.f1), ("macro_f1", metrics.macro.f1), ("samples_f1", metrics.samplesF1),
                ("subset_accuracy", metrics.subsetAccuracy), ("micro_precision", metrics.micro.precision),
                ("micro_recall", metrics.micro.recall),
            ]
        case .regression(let metrics):
            [
                ("r2", metrics.determination), ("mse", metrics.squaredError), ("mae", metrics.absoluteError),
                ("pearson", metrics.pearson), ("spearman", metrics.spearman),
            ]
        case .tagging(let metrics):
            [
                ("entity_f1", metrics.f1), ("entity_precision", metrics.precision), ("entity_recall", metrics.recall),
                ("word_accuracy", metrics.wordAccuracy),
            ]
        case .similarity(let metrics): [("spearman", metrics.spearman), ("pearson", metrics.pearson)]
        case .ranking(let metrics):
            [("mrr", metrics.meanReciprocalRank)]
                + RankingMetrics.depths.map { ("recall_at_\($0)", metrics.recall(at: $0)) }
                + (metrics.tripletAccuracy.map { [("triplet_accuracy", $0)] } ?? [])
        }
    }

    /// The names of all figures, the headline's first: "macro_f1", "spearman", "entity_f1", …
    public var names: [String] { values.map(\.name) }

    /// A figure by its name, nil if this kind of task has none of that name.
    public func value(of name: String) -> Double? { values.first { $0.name == name }?.value }

    /// The names of the figures that tasks of a kind have; those of similarity depend on whether the data has scores.
    public static func names(for objective: Objective) -> [String] {
        switch objective {
        case .classification: ["accuracy", "macro_f1", "micro_f1", "weighted_f1", "matthews"]
        case .multilabel:
            ["micro_f1", "macro_f1", "samples_f1", "subset_accuracy", "micro_precision", "micro_recall"]
        case .regression: ["r2", "mse", "mae", "pearson", "spearman"]
        case .tagging: ["entity_f1", "entity_precision", "entity_recall", "word_accuracy"]
        case .similarity:
            ["spearman", "pearson", "mrr"] + RankingMetrics.depths.map { "recall_at_\($0)" } + ["triplet_accuracy"]
        }
    }

    /// Whether less of a figure is better: of errors.
    public static func isBetterLower(_ name: String) -> Bool { name == "mse" || name == "mae" }
}

extension Scores {
    /// The scores of classes, nil for another kind of task.
    public var classification: ClassificationMetrics? {
        if case .classification(let metrics) = self { metrics } else { nil }
    }

    /// The labels that the scores are of, nil where they are not of a head's labels.
    var labels: [String]? {
        switch self {
        case .classification(let metrics): metrics.labels
        case .multilabel(let metrics): metrics.labels
        case .regression, .tagging, .similarity, .ranking: nil
        }
    }

    /// The scores of tags, nil for another kind of task.
    public var tagging: TaggingMetrics? {
        if case .tagging(let metrics) = self { metrics } else { nil }
    }
}
