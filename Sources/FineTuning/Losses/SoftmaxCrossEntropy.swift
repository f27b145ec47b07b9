import Foundation
import Matrices

/// The loss of rows of logits that each have one class, as PyTorch's `CrossEntropyLoss` has it:
///
///     loss = Σ aᵢ (−log softmax(logits)ᵢ),   aᵢ = (1 − ε) w_y [i = y] + (ε / labels) wᵢ
///
/// with y the row's class, w the weights of classes and ε the label smoothing.
public struct SoftmaxCrossEntropy: Sendable, Equatable {
    /// The weight of each class; nil: 1 each.
    public let weights: [Float]?
    /// ε: the share of the target that all classes have alike.
    public let labelSmoothing: Float

    /// The given parts.
    public init(weights: [Float]? = nil, labelSmoothing: Float = 0) {
        precondition((0..<1).contains(labelSmoothing), "label smoothing is a share below 1")
        (self.weights, self.labelSmoothing) = (weights, labelSmoothing)
    }

    /// What a row of a class adds to the number that the loss is divided by: its weight.
    public func terms(of target: Int) -> Double { weights.map { Double($0[target]) } ?? 1 }

    /// The loss of each row of `logits` [rows, labels] summed over rows and divided by `terms`, and its gradient.
    ///
    /// A row whose target is nil takes no part. `terms` is that of the whole step, so that the parts of a step add up to its
    /// mean loss; where it is 0 there is no loss.
    public func loss(
        _ logits: Matrix, targets: [Int?], terms: Double
    ) -> (loss: Double, dLogits: Matrix) {
        precondition(logits.rows == targets.count, "each row has a target, or nil for none")
        var dLogits = SoftmaxCrossEntropy.probabilities(logits)
        var loss = 0.0
        for (row, target) in targets.enumerated() {
            guard let target else {
                for column in 0..<logits.columns { dLogits[row, column] = 0 }
                continue
            }
            let logSum = SoftmaxCrossEntropy.logSum(logits, row: row)
            let shares = (0..<logits.columns).map { share(of: $0, target: target, labels: logits.columns) }
            let total = shares.reduce(0, +)
            for (column, share) in shares.enumerated() {
                if share != 0 { loss += Double(share) * (logSum - Double(logits[row, column])) }
                dLogits[row, column] = dLogits[row, column] * total - share
            }
        }
        let scale = terms > 0 ? 1 / Float(terms) : 0
        dLogits.withMutableBuffer { for index in $0.indices { $0[index] *= scale } }
        return (terms > 0 ? loss / terms : 0, dLogits)
    }

    /// aᵢ of a row of class `target`.
    private func share(of label: Int, target: Int, labels: Int) -> Float {
        let weight = weights?[label] ?? 1
        let smoothed = labelSmoothing / Float(labels) * weight
        return label == target ? smoothed + (1 - labelSmoothing) * weight : smoothed
    }

    /// The plain loss, without weights or smoothing, over `count` targets.
    public static func loss(_ logits: Matrix, targets: [Int?], count: Int) -> (loss: Double, dLogits: Matrix) {
        SoftmaxCrossEntropy().loss(logits, targets: targets, terms: Double(count))
    }

    /// softmax of each row.
    public static func probabilities(_ logits: Matrix) -> Matrix {
        var probabilities = logits
        probabilities.withMutableView { $0.softmax(scale: 1) }
        return probabilities
    }

    /// log Σ exp of a row.
    static func logSum(_ logits: Matrix, row: Int) -> Double {
        var largest = -Float.infinity
        for column in 0..<logits.columns { largest = max(largest, logits[row, column]) }
        var sum = 0.0
        for column in 0..<logits.columns { sum += exp(Double(logits[row, column] - largest)) }
        return log(sum) + Double(largest)
    }
}
