/// How well predicted classes agree with true ones.
///
/// Figures equal those of scikit-learn's `precision_recall_fscore_support`, `f1_score`, `matthews_corrcoef` and
/// `confusion_matrix`, a quotient with nothing below the line being 0.
public struct ClassificationMetrics: Sendable, Equatable, Codable {
    /// Label names in the order of their ids.
    public let labels: [String]
    /// How often each true label (row) was predicted as each label (column).
    public let confusion: [[Int]]

    /// The scores of predicted label ids against true ones, example by example.
    ///
    /// - Precondition: there is at least one example, as many predictions as targets, and every id is a place in `labels`.
    public init(targets: [Int], predictions: [Int], labels: [String]) {
        precondition(!targets.isEmpty, "scores need an example")
        precondition(targets.count == predictions.count, "each example has a prediction")
        var confusion = [[Int]](repeating: [Int](repeating: 0, count: labels.count), count: labels.count)
        for (target, prediction) in zip(targets, predictions) { confusion[target][prediction] += 1 }
        (self.labels, self.confusion) = (labels, confusion)
    }

    /// The number of examples.
    public var examples: Int { confusion.reduce(0) { $0 + $1.reduce(0, +) } }

    /// Examples whose label was predicted.
    public var correct: Int { confusion.indices.reduce(0) { $0 + confusion[$1][$1] } }

    /// The share of examples whose label was predicted.
    public var accuracy: Double { Double(correct) / Double(examples) }

    /// Where the accuracy on endlessly many examples like these lies with 95 % confidence (Wilson 1927):
    ///
    ///     (p + z²/2n ± z √(p(1 − p)/n + z²/4n²)) / (1 + z²/n),   z = 1.96
    public var accuracyInterval: ClosedRange<Double> {
        let z = 1.959963984540054
        let (p, n) = (accuracy, Double(examples))
        let center = p + z * z / (2 * n)
        let margin = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        let scale = 1 + z * z / n
        return max(0, (center - margin) / scale)...min(1, (center + margin) / scale)
    }

    /// The scores of every label, in the order of their ids.
    public var perLabel: [LabelScores] {
        labels.indices.map { id in
            LabelScores(
                labels[id], correct: confusion[id][id], predicted: predicted(id), support: support(id))
        }
    }

    /// The mean F1 of all labels that are true or predicted of at least one example.
    public var macroF1: Double {
        let present = zip(labels.indices, perLabel).filter { support($0.0) + predicted($0.0) > 0 }
        return present.reduce(0) { $0 + $1.1.f1 } / Double(present.count)
    }

    /// F1 over all texts together; of single classes that is the accuracy.
    public var microF1: Double { accuracy }

    /// The mean F1 of all labels, each counting as often as it is true.
    public var weightedF1: Double {
        perLabel.reduce(0) { $0 + $1.f1 * Double($1.support) } / Double(examples)
    }

    /// Matthews' correlation of predicted and true classes, from −1 to 1, for any number of classes (Gorodkin 2004); 0 where
    /// all texts have, or are predicted, one class.
    public var matthews: Double {
        let (total, right) = (Double(examples), Double(correct))
        var (product, squareTrue, squarePredicted) = (0.0, 0.0, 0.0)
        for id in labels.indices {
            let (support, predicted) = (Double(support(id)), Double(predicted(id)))
            product += support * predicted
            squareTrue += support * support
            squarePredicted += predicted * predicted
        }
        let spread = (total * total - squarePredicted) * (total * total - squareTrue)
        return spread > 0 ? (right * total - product) / spread.squareRoot() : 0
    }

    private func support(_ id: Int) -> Int { confusion[id].reduce(0, +) }
    private func predicted(_ id: Int) -> Int { confusion.reduce(0) { $0 + $1[id] } }
}
