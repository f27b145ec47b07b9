import Foundation
import Matrices

/// The focal loss of texts that have any number of labels (Lin et al. 2017): the mean over labels and texts of
///
///     w (1 − p)^γ (−log p)
///
/// with p the probability of what is true of the label, and w the label's weight where the text has it. γ = 0 is binary
/// cross-entropy.
public struct BinaryFocalLoss: Sendable, Equatable {
    /// γ
    public let gamma: Float
    /// w of each label; nil: 1 each.
    public let positiveWeights: [Float]?

    /// The given parts.
    public init(gamma: Float, positiveWeights: [Float]? = nil) {
        precondition(gamma >= 0, "γ is not negative")
        (self.gamma, self.positiveWeights) = (gamma, positiveWeights)
    }

    /// As ``BinaryCrossEntropy/loss(_:targets:terms:)``.
    public func loss(_ logits: Matrix, targets: [[Int]], terms: Double) -> (loss: Double, dLogits: Matrix) {
        let gamma = Double(gamma)
        return BinaryCrossEntropy.sum(logits, targets, terms, positiveWeights) { margin in
            let (probability, rest) = (sigmoid(margin), sigmoid(-margin))
            let (cost, factor) = (softplus(-margin), pow(rest, gamma))
            return (factor * cost, -factor * (gamma * probability * cost + rest))
        }
    }
}
