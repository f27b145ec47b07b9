import Encoders
import Matrices
import Tokenizers

/// Pooling and layers that give one number for each text or pair. Numbers are learned as the data has them: nothing is scaled.
public struct RegressionHead: PooledHead {
    /// The layers.
    public let network: HeadNetwork
    /// How hidden states become one vector a text.
    public let textPooling: Pooling
    /// What it learns: a number.
    public var objective: Objective { .regression }
    /// It says no label.
    public var labels: [String] { [] }
    /// The loss in words.
    public var lossDescription: String { "squared error" }

    /// A head over hidden states of the given width.
    public init(hiddenSize: Int, pooling: Pooling, shape: HeadShape = .linear) {
        textPooling = pooling
        network = HeadNetwork(inputs: pooling.width(hiddenSize: hiddenSize), outputs: 1, shape: shape)
    }

    /// Each example's number.
    public func answers(in data: Dataset) throws(DataError) -> [KnownAnswer] {
        try data.numbers(for: objective).map { .number(Float($0)) }
    }

    /// The number.
    public func targets(_ answer: KnownAnswer, of texts: [TokenizedText]) -> [Target] { [.number(answer.number)] }

    /// The mean over texts of the squared error.
    public func loss(
        _ outputs: Matrix, rows: [Range<Int>], _ targets: [Target], terms: Double
    ) -> (loss: Double, dOutputs: Matrix) {
        let (loss, dOutputs) = SquaredError.loss(outputs, targets: targets.map(\.number), terms: terms)
        return (loss, dOutputs)
    }

    /// Errors and correlations of the numbers.
    public func scores(_ outputs: [Matrix], _ targets: [Target]) -> Scores {
        .regression(
            RegressionMetrics(
                targets: targets.map { Double($0.number) }, predictions: outputs.map { Double($0[0, 0]) }))
    }

    /// The number.
    public func answer(_ input: TextInput, _ texts: [TokenizedText], _ outputs: [Matrix]) -> Prediction.Answer {
        .number(outputs[0][0, 0])
    }

    /// The numbers themselves.
    public func probabilities(of outputs: Matrix) -> Matrix { outputs }
}
