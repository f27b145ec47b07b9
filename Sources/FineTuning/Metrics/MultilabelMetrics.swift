/// How well predicted sets of labels agree with true ones.
///
/// Figures equal those of scikit-learn's `accuracy_score` and `precision_recall_fscore_support` on indicators of labels with
/// `zero_division=0`: a quotient with nothing below the line is 0.
public struct MultilabelMetrics: Sendable, Equatable, Codable {
    /// Label names in the order of their ids.
    public let labels: [String]
    /// Texts that each label is truly predicted of, all that it is predicted of, and all that have it.
    public let correct, predicted, support: [Int]
    /// Texts, and those of which the predicted labels are just the true ones.
    public let examples, exact: Int
    /// The mean over texts of the F1 of their labels; 0 for a text that has none and is predicted none.
    public let samplesF1: Double

    /// The scores of predicted label ids against true ones, text by text.
    ///
    /// - Precondition: there is at least one text, as many predictions as targets, and every id is a place in `labels`.
    public init(targets: [[Int]], predictions: [[Int]], labels: [String]) {
        precondition(!targets.isEmpty, "scores need an example")
        precondition(targets.count == predictions.count, "each example has a prediction")
        var (correct, predicted, support) = (
            [Int](repeating: 0, count: labels.count), [Int](repeating: 0, count: labels.count),
            [Int](repeating: 0, count: labels.count)
        )
        var (exact, sum) = (0, 0.0)
        for (target, prediction) in zip(targets, predictions) {
            let (target, prediction) = (Set(target), Set(prediction))
            let both = target.intersection(prediction)
            for id in both { correct[id] += 1 }
            for id in prediction { predicted[id] += 1 }
            for id in target { support[id] += 1 }
            if target == prediction { exact += 1 }
            sum += LabelScores("", correct: both.count, predicted: prediction.count, support: target.count).f1
        }
        (self.labels, self.correct, self.predicted, self.support) = (labels, correct, predicted, support)
        (examples, self.exact, samplesF1) = (targets.count, exact, sum / Double(targets.count))
    }

    /// The share of texts of which the predicted labels are just the true ones.
    public var subsetAccuracy: Double { Double(exact) / Double(examples) }

    /// The scores of every label, in the order of their ids.
    public var perLabel: [LabelScores] {
        labels.indices.map {
            LabelScores(labels[$0], correct: correct[$0], predicted: predicted[$0], support: support[$0])
        }
    }

    /// All labels of all texts together.
    public var micro: LabelScores {
        LabelScores(
            "", correct: correct.reduce(0, +), predicted: predicted.reduce(0, +), support: support.reduce(0, +))
    }

    /// The mean over labels.
    public var macro: LabelScores { LabelScores(meanOf: perLabel) }
}
