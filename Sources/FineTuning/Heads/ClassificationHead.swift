import Encoders
import Matrices
import Tokenizers

/// Pooling and layers, one linear layer unless a shape says otherwise: logits = pooled(hidden) Wᵀ + b, W [labels, hidden]; one
/// class for each text or pair.
public struct ClassificationHead: PooledHead {
    /// Label names; their places are the label ids.
    public let labels: [String]
    /// The layers.
    public let network: HeadNetwork
    /// How hidden states become one vector a text.
    public let textPooling: Pooling
    /// What it trains with.
    public let classLoss: ClassLoss
    /// What it learns: a class.
    public var objective: Objective { .classification }
    /// The loss in words.
    public var lossDescription: String { classLoss.description }

    /// A head for the given labels over hidden states of the given width.
    public init(
        labels: [String], hiddenSize: Int, pooling: Pooling, shape: HeadShape = .linear, loss: ClassLoss = .plain
    ) {
        precondition(!labels.isEmpty, "a head has labels")
        (self.labels, textPooling, classLoss) = (labels, pooling, loss)
        network = HeadNetwork(
            inputs: pooling.width(hiddenSize: hiddenSize), outputs: labels.count, shape: shape)
    }

    /// The id of each example's class.
    public func answers(in data: Dataset) throws(DataError) -> [KnownAnswer] {
        try LabelIndex(labels).ids(of: data).map { .ids([$0]) }
    }

    /// The class.
    public func targets(_ answer: KnownAnswer, of texts: [TokenizedText]) -> [Target] { [.label(answer.ids[0])] }

    /// The weight of the text's class: 1 unless the loss has weights.
    public func lossTerms(of target: Target) -> Double { classLoss.terms(of: target.label) }

    /// The mean over texts.
    public func loss(
        _ outputs: Matrix, rows: [Range<Int>], _ targets: [Target], terms: Double
    ) -> (loss: Double, dOutputs: Matrix) {
        let (loss, dLogits) = classLoss.loss(outputs, targets: targets.map(\.label), terms: terms)
        return (loss, dLogits)
    }

    /// Scores of the labels of the largest logits.
    public func scores(_ outputs: [Matrix], _ targets: [Target]) -> Scores {
        .classification(
            ClassificationMetrics(
                targets: targets.map(\.label), predictions: outputs.map { $0.row(0).indexOfLargest }, labels: labels))
    }

    /// The label of the highest probability.
    public func answer(_ input: TextInput, _ texts: [TokenizedText], _ outputs: [Matrix]) -> Prediction.Answer {
        .label(Prediction.Classification(labels, SoftmaxCrossEntropy.probabilities(outputs[0]).row(0)))
    }

    /// The probability of each label.
    public func probabilities(of outputs: Matrix) -> Matrix { SoftmaxCrossEntropy.probabilities(outputs) }
}
