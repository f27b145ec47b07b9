import Foundation
import Matrices

/// The focal loss of rows of logits that each have one class (Lin et al. 2017): cross-entropy in which rows that are already
/// right count less.
///
///     loss = w_y (1 − p)^γ (−log p),   p = softmax(logits)_y
///
/// γ = 0 is cross-entropy.
public struct SoftmaxFocalLoss: Sendable, Equatable {
    /// γ
    public let gamma: Float
    /// The weight of each class; nil: 1 each.
    public let weights: [Float]?

    /// The given parts.
    public init(gamma: Float, weights: [Float]? = nil) {
        precondition(gamma >= 0, "γ is not negative")
        (self.gamma, self.weights) = (gamma, weights)
    }

    /// What a row of a class adds to the number that the loss is divided by: its weight, as in cross-entropy.
    public func terms(of target: Int) -> Double { weights.map { Double($0[target]) } ?? 1 }

    /// The loss summed over rows and divided by `terms`, and its gradient, as ``SoftmaxCrossEntropy/loss(_:targets:terms:)``.
    public func loss(_ logits: Matrix, targets: [Int?], terms: Double) -> (loss: Double, dLogits: Matrix) {
        precondition(logits.rows == targets.count, "each row has a target, or nil for none")
        var dLogits = Matrix(rows: logits.rows, columns: logits.columns)
        guard terms > 0 else { return (0, dLogits) }
        let gamma = Double(gamma)
        var loss = 0.0
        for (row, target) in targets.enumerated() {
            guard let target else { continue }
            let logSum = SoftmaxCrossEntropy.logSum(logits, row: row)
            let probabilities = (0..<logits.columns).map { exp(Double(logits[row, $0]) - logSum) }
            let logProbability = Double(logits[row, target]) - logSum
            // 1 − p without the loss of digits where p is almost 1.
            var rest = 0.0
            for column in 0..<logits.columns where column != target { rest += probabilities[column] }
            let weight = (weights.map { Double($0[target]) } ?? 1) / terms
            loss -= weight * pow(rest, gamma) * logProbability
            // d(loss)/d(logit) = slope · ([i = y] − p)
            let steepening =
                gamma > 0 && rest > 0 ? gamma * pow(rest, gamma - 1) * probabilities[target] * logProbability : 0
            let slope = weight * (steepening - pow(rest, gamma))
            for column in 0..<logits.columns {
                dLogits[row, column] = Float(slope * (column == target ? rest : -probabilities[column]))
            }
        }
        return (loss, dLogits)
    }
}
