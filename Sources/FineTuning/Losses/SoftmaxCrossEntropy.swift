import Foundation
import Matrices

/// −log softmax(logits)[target], the loss of classification and of tagging.
public enum SoftmaxCrossEntropy {
    /// The loss of each row of `logits` [rows, labels] summed over rows and divided by `count`, and its gradient.
    ///
    /// A row whose target is nil takes no part. `count` is the number of targets of the whole step, so that the parts of a
    /// step add up to its mean loss.
    public static func loss(_ logits: Matrix, targets: [Int?], count: Int) -> (loss: Double, dLogits: Matrix) {
        precondition(logits.rows == targets.count, "each row has a target, or nil for none")
        var dLogits = probabilities(logits)
        var loss = 0.0
        for (row, target) in targets.enumerated() {
            guard let target else {
                for column in 0..<logits.columns { dLogits[row, column] = 0 }
                continue
            }
            var largest = -Float.infinity
            for column in 0..<logits.columns { largest = max(largest, logits[row, column]) }
            var sum = 0.0
            for column in 0..<logits.columns { sum += exp(Double(logits[row, column] - largest)) }
            loss += log(sum) - Double(logits[row, target] - largest)
            dLogits[row, target] -= 1
        }
        let share = 1 / Float(count)
        dLogits.withMutableBuffer { for index in $0.indices { $0[index] *= share } }
        return (loss / Double(count), dLogits)
    }

    /// softmax of each row.
    public static func probabilities(_ logits: Matrix) -> Matrix {
        var probabilities = logits
        probabilities.withMutableView { $0.softmax(scale: 1) }
        return probabilities
    }
}
