import Encoders
import Matrices
import Tokenizers

/// Pooling and layers, as a classification has them; but each label is told by itself, so a text or pair has any number of
/// them: those whose probability σ(logit) is above a threshold.
public struct MultilabelHead: PooledHead {
    /// Label names; their places are the label ids.
    public let labels: [String]
    /// The layers.
    public let network: HeadNetwork
    /// How hidden states become one vector a text.
    public let textPooling: Pooling
    /// What it trains with.
    public let multilabelLoss: MultilabelLoss
    /// The probability above which a text has a label.
    public let threshold: Float
    /// What it learns: any number of labels.
    public var objective: Objective { .multilabel }
    /// The loss in words.
    public var lossDescription: String { multilabelLoss.description }

    /// What ``threshold`` is where nothing else is said.
    public static let usualThreshold: Float = 0.5

    /// A head for the given labels over hidden states of the given width.
    public init(
        labels: [String], hiddenSize: Int, pooling: Pooling, shape: HeadShape = .linear,
        loss: MultilabelLoss = .plain, threshold: Float = usualThreshold
    ) {
        precondition(!labels.isEmpty, "a head has labels")
        precondition((0..<1).contains(threshold), "a threshold is a probability below 1")
        (self.labels, textPooling, multilabelLoss, self.threshold) = (labels, pooling, loss, threshold)
        network = HeadNetwork(
            inputs: pooling.width(hiddenSize: hiddenSize), outputs: labels.count, shape: shape)
    }

    /// The ids of each example's labels.
    public func answers(in data: Dataset) throws(DataError) -> [KnownAnswer] {
        try LabelIndex(labels).idLists(of: data).map { .ids($0) }
    }

    /// The labels.
    public func targets(_ answer: KnownAnswer, of texts: [TokenizedText]) -> [Target] { [.labels(answer.ids)] }

    /// The mean over labels and texts.
    public func loss(
        _ outputs: Matrix, rows: [Range<Int>], _ targets: [Target], terms: Double
    ) -> (loss: Double, dOutputs: Matrix) {
        let (loss, dLogits) = multilabelLoss.loss(outputs, targets: targets.map(\.labels), terms: terms)
        return (loss, dLogits)
    }

    /// Scores of the labels above the threshold.
    public func scores(_ outputs: [Matrix], _ targets: [Target]) -> Scores {
        .multilabel(
            MultilabelMetrics(
                targets: targets.map(\.labels), predictions: outputs.map { chosen(probabilities(of: $0).row(0)) },
                labels: labels))
    }

    /// The labels above the threshold.
    public func answer(_ input: TextInput, _ texts: [TokenizedText], _ outputs: [Matrix]) -> Prediction.Answer {
        let probabilities = probabilities(of: outputs[0]).row(0)
        return .labels(Prediction.LabelSet(labels, probabilities, chosen: chosen(probabilities)))
    }

    /// The probability of each label.
    public func probabilities(of outputs: Matrix) -> Matrix { BinaryCrossEntropy.probabilities(outputs) }

    private func chosen(_ probabilities: [Float]) -> [Int] {
        probabilities.indices.filter { probabilities[$0] > threshold }
    }
}
