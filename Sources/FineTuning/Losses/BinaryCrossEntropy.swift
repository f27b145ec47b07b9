import Foundation
import Matrices

/// The loss of texts that have any number of labels, as PyTorch's `BCEWithLogitsLoss` has it: the mean over labels and texts of
///
///     y w softplus(−z) + (1 − y) softplus(z)
///
/// with z a label's logit, y whether the text has it, and w the label's weight (`pos_weight`).
public struct BinaryCrossEntropy: Sendable, Equatable {
    /// w of each label: above 1, missing it costs more than seeing it where it is not. Nil: 1 each.
    public let positiveWeights: [Float]?

    /// The given weights.
    public init(positiveWeights: [Float]? = nil) { self.positiveWeights = positiveWeights }

    /// The loss of each row of `logits` [texts, labels], summed over texts and divided by `terms`, the texts of the whole step,
    /// and its gradient. Targets are the label ids of each text.
    public func loss(_ logits: Matrix, targets: [[Int]], terms: Double) -> (loss: Double, dLogits: Matrix) {
        BinaryCrossEntropy.sum(logits, targets, terms, positiveWeights) { margin in
            (softplus(-margin), -sigmoid(-margin))
        }
    }

    /// σ of each number: the probability of each label.
    public static func probabilities(_ logits: Matrix) -> Matrix {
        Matrix(
            rows: logits.rows, columns: logits.columns, values: logits.values.map { Float(sigmoid(Double($0))) })
    }

    /// The mean over labels and texts of `term` of each margin, which is the logit for a label that the text has and its
    /// negative for one that it has not, and the gradient; `term` gives value and slope.
    static func sum(
        _ logits: Matrix, _ targets: [[Int]], _ terms: Double, _ positiveWeights: [Float]?,
        _ term: (_ margin: Double) -> (value: Double, slope: Double)
    ) -> (loss: Double, dLogits: Matrix) {
        precondition(logits.rows == targets.count, "each row has a list of labels")
        var dLogits = Matrix(rows: logits.rows, columns: logits.columns)
        guard terms > 0 else { return (0, dLogits) }
        let share = 1 / (terms * Double(logits.columns))
        var loss = 0.0
        for (row, ids) in targets.enumerated() {
            let ids = Set(ids)
            for label in 0..<logits.columns {
                let isPositive = ids.contains(label)
                let sign: Double = isPositive ? 1 : -1
                let weight = isPositive ? share * (positiveWeights.map { Double($0[label]) } ?? 1) : share
                let (value, slope) = term(sign * Double(logits[row, label]))
                loss += weight * value
                dLogits[row, label] = Float(weight * sign * slope)
            }
        }
        return (loss, dLogits)
    }
}

/// log(1 + eˣ)
func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

/// 1 / (1 + e⁻ˣ)
func sigmoid(_ x: Double) -> Double {
    let power = exp(-abs(x))
    return (x >= 0 ? 1 : power) / (1 + power)
}
