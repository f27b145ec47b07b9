import Encoders
import Matrices
import Tokenizers

/// Pooling and layers, one linear layer unless a shape says otherwise: logits = pooled(hidden) Wᵀ + b, W [labels, hidden]; one
/// class for each text or pair.
public struct ClassificationHead: Head {
    /// Label names; their places are the label ids.
    public let labels: [String]
    /// The layers.
    public let network: HeadNetwork
    /// What it learns: a class.
    public var objective: Objective { .classification }
    /// Pairs too.
    public var takesPairs: Bool { true }

    /// How hidden states become one vector a text.
    public var pooling: Pooling? { textPooling }

    private let textPooling: Pooling

    /// A head for the given labels over hidden states of the given width.
    public init(labels: [String], hiddenSize: Int, pooling: Pooling, shape: HeadShape = .linear) {
        precondition(!labels.isEmpty, "a head has labels")
        (self.labels, textPooling) = (labels, pooling)
        network = HeadNetwork(
            inputs: pooling.width(hiddenSize: hiddenSize), outputs: labels.count, shape: shape)
    }

    /// The text or pair, cut to the limit.
    public func texts(
        of input: TextInput, _ tokenizer: any Tokenizer, limit: Int
    ) throws(TokenizerError) -> [TokenizedText] {
        [try tokenizer.tokenize(input.text, pairedWith: input.pair, limit: limit)]
    }

    /// The id of each example's class.
    public func ids(of data: Dataset) throws(DataError) -> [[Int]] { try LabelIndex(labels).ids(of: data).map { [$0] } }

    /// The class.
    public func targets(_ ids: [Int], of texts: [TokenizedText]) -> [Target] { [.label(ids[0])] }

    /// One vector a text.
    public func pool(
        _ hidden: Matrix, _ batch: PackedBatch
    ) -> (pooled: Matrix, pullback: @Sendable (_ dPooled: Matrix) -> Matrix) { textPooling.forward(hidden, batch) }

    /// One row a text.
    public func rows(ofTokens count: Int) -> Int { 1 }

    /// One term a text.
    public func lossTerms(of target: Target) -> Int { 1 }

    /// Softmax cross-entropy, the mean over texts.
    public func loss(
        _ outputs: Matrix, _ targets: [Target], _ batch: PackedBatch, terms: Int
    ) -> (loss: Double, dOutputs: Matrix) {
        let (loss, dLogits) = SoftmaxCrossEntropy.loss(outputs, targets: targets.map(\.label), count: terms)
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
}
