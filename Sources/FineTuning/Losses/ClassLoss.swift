import Matrices

/// The loss of outputs that each have one class: of texts, or of words.
public enum ClassLoss: Sendable, Equatable {
    /// Cross-entropy, with weights of classes and label smoothing.
    case crossEntropy(SoftmaxCrossEntropy)
    /// Focal loss.
    case focal(SoftmaxFocalLoss)

    /// Cross-entropy without weights or smoothing.
    public static let plain = ClassLoss.crossEntropy(SoftmaxCrossEntropy())

    /// What a row of a class adds to the number that the loss is divided by.
    public func terms(of target: Int) -> Double {
        switch self {
        case .crossEntropy(let loss): loss.terms(of: target)
        case .focal(let loss): loss.terms(of: target)
        }
    }

    /// The loss summed over rows and divided by `terms`, and its gradient; a row whose target is nil takes no part.
    public func loss(_ logits: Matrix, targets: [Int?], terms: Double) -> (loss: Double, dLogits: Matrix) {
        switch self {
        case .crossEntropy(let loss): loss.loss(logits, targets: targets, terms: terms)
        case .focal(let loss): loss.loss(logits, targets: targets, terms: terms)
        }
    }
}

extension ClassLoss: CustomStringConvertible {
    /// "cross-entropy, label smoothing 0.1".
    public var description: String {
        switch self {
        case .crossEntropy(let loss):
            "cross-entropy" + ClassWeights.words(loss.weights)
                + (loss.labelSmoothing > 0 ? ", label smoothing \(loss.labelSmoothing)" : "")
        case .focal(let loss): "focal, gamma \(loss.gamma)" + ClassWeights.words(loss.weights)
        }
    }
}
