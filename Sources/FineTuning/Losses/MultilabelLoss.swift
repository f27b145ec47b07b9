import Matrices

/// The loss of texts that have any number of labels.
public enum MultilabelLoss: Sendable, Equatable {
    /// Binary cross-entropy.
    case crossEntropy(BinaryCrossEntropy)
    /// Focal loss.
    case focal(BinaryFocalLoss)

    /// Binary cross-entropy without weights.
    public static let plain = MultilabelLoss.crossEntropy(BinaryCrossEntropy())

    /// The loss summed over texts and divided by `terms`, and its gradient; targets are the label ids of each text.
    public func loss(_ logits: Matrix, targets: [[Int]], terms: Double) -> (loss: Double, dLogits: Matrix) {
        switch self {
        case .crossEntropy(let loss): loss.loss(logits, targets: targets, terms: terms)
        case .focal(let loss): loss.loss(logits, targets: targets, terms: terms)
        }
    }
}

extension MultilabelLoss: CustomStringConvertible {
    /// "binary cross-entropy, class weights 3 1".
    public var description: String {
        switch self {
        case .crossEntropy(let loss): "binary cross-entropy" + ClassWeights.words(loss.positiveWeights)
        case .focal(let loss): "focal, gamma \(loss.gamma)" + ClassWeights.words(loss.positiveWeights)
        }
    }
}
