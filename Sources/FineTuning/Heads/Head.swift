import Encoders
import Matrices
import Tokenizers

/// What makes a kind of task: how its texts are read, what is computed of the encoder's hidden states, how far that is
/// from what is known, and what is answered. One file a kind.
///
/// A head is a value without numbers: those that train are in a ``ParameterVector``.
public protocol Head: Sendable {
    /// What it learns to say about a text.
    var objective: Objective { get }
    /// Label names; their places are the label ids.
    var labels: [String] { get }
    /// How hidden states become one vector a text; nil for a head that sees each token.
    var pooling: Pooling? { get }
    /// The layers that make outputs of what it sees: all of it that trains.
    var network: HeadNetwork { get }
    /// Whether it answers pairs of texts.
    var takesPairs: Bool { get }

    // MARK: Reading

    /// One input as the encoder reads it: a text of at most `limit` tokens, or several that share it.
    func texts(
        of input: TextInput, _ tokenizer: any Tokenizer, limit: Int
    ) throws(TokenizerError) -> [TokenizedText]

    /// The label ids of each example: one, or one for each of its words.
    ///
    /// - Throws: ``DataError`` naming the line of a label that is missing, of another kind, or not among the head's.
    func ids(of data: Dataset) throws(DataError) -> [[Int]]

    /// What is known about each of the texts that one input became, of its ids.
    func targets(_ ids: [Int], of texts: [TokenizedText]) -> [Target]

    // MARK: Computing

    /// What the layers see of hidden states [tokens, hidden]: the rows of text after text, and the way back.
    func pool(
        _ hidden: Matrix, _ batch: PackedBatch
    ) -> (pooled: Matrix, pullback: @Sendable (_ dPooled: Matrix) -> Matrix)

    /// How many rows that are of a text of so many tokens, and of its outputs: one, or one for each.
    func rows(ofTokens count: Int) -> Int

    /// How many terms a text adds to the sum that the loss is the mean of.
    func lossTerms(of target: Target) -> Int

    /// The loss of a batch, summed over its terms and divided by `terms`, and its gradient.
    ///
    /// `terms` is the number of terms of the whole step, so that the parts of a step add up to its mean loss.
    func loss(
        _ outputs: Matrix, _ targets: [Target], _ batch: PackedBatch, terms: Int
    ) -> (loss: Double, dOutputs: Matrix)

    // MARK: Answering

    /// How well outputs, a matrix for each text, agree with what is known about the texts.
    func scores(_ outputs: [Matrix], _ targets: [Target]) -> Scores

    /// What the outputs say about an input, which became these texts.
    func answer(_ input: TextInput, _ texts: [TokenizedText], _ outputs: [Matrix]) -> Prediction.Answer
}

extension Head {
    /// What trains.
    public var parameters: [Parameter] { network.parameters }

    /// The start of PyTorch's layers, a function of the seed.
    public func initialize(_ values: inout ParameterVector, seed: UInt64) { network.initialize(&values, seed: seed) }
}
