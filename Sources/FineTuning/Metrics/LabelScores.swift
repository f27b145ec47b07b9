/// The scores of one label, or a mean over several.
public struct LabelScores: Sendable, Equatable {
    /// The label's name; empty for a mean.
    public let label: String
    /// The share of its predictions that are right, and of its examples that are found.
    public let precision, recall: Double
    /// The harmonic mean of both.
    public let f1: Double
    /// Examples that truly have the label.
    public let support: Int

    /// From counts, a quotient with nothing below the line being 0.
    init(_ label: String, correct: Int, predicted: Int, support: Int) {
        func quotient(_ part: Int, _ whole: Int) -> Double { whole == 0 ? 0 : Double(part) / Double(whole) }
        (self.label, self.support) = (label, support)
        (precision, recall) = (quotient(correct, predicted), quotient(correct, support))
        f1 = quotient(2 * correct, predicted + support)
    }

    /// The mean of each figure over labels.
    init(meanOf labels: [LabelScores]) {
        let count = Double(max(labels.count, 1))
        label = ""
        precision = labels.reduce(0) { $0 + $1.precision } / count
        recall = labels.reduce(0) { $0 + $1.recall } / count
        f1 = labels.reduce(0) { $0 + $1.f1 } / count
        support = labels.reduce(0) { $0 + $1.support }
    }
}
