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
    /// Label names; their places are the label ids. None where it says no label.
    var labels: [String] { get }
    /// How hidden states become one vector a text; nil for a head that sees each token.
    var pooling: Pooling? { get }
    /// The layers that make outputs of what it sees: all of it that trains.
    var network: HeadNetwork { get }
    /// Whether it answers pairs of texts.
    var takesPairs: Bool { get }
    /// Whether it answers nothing else.
    var needsPairs: Bool { get }
    /// The loss in words: "cross-entropy, label smoothing 0.1".
    var lossDescription: String { get }

    // MARK: Reading

    /// One input as the encoder reads it: a text of at most `limit` tokens, or several that share it.
    func texts(
        of input: TextInput, _ tokenizer: any Tokenizer, limit: Int
    ) throws(TokenizerError) -> [TokenizedText]

    /// What is known about each example.
    ///
    /// - Throws: ``DataError`` naming the line of a label that is missing, of another kind, or not among the head's.
    func answers(in data: Dataset) throws(DataError) -> [KnownAnswer]

    /// What is known about each of the texts that one input became, of what is known about the input.
    func targets(_ answer: KnownAnswer, of texts: [TokenizedText]) -> [Target]

    // MARK: Computing

    /// What the layers see of hidden states [tokens, hidden]: the rows of text after text, and the way back.
    func pool(
        _ hidden: Matrix, _ batch: PackedBatch
    ) -> (pooled: Matrix, pullback: @Sendable (_ dPooled: Matrix) -> Matrix)

    /// How many rows that are of a text of so many tokens, and of its outputs: one, or one for each.
    func rows(ofTokens count: Int) -> Int

    /// Whether the loss of a text depends on the other texts of its step. Then it is asked for once a step, of the outputs of
    /// all its texts in the order of their examples; else part by part.
    var lossSeesWholeStep: Bool { get }

    /// What a text adds to the number that a step's loss is divided by.
    func lossTerms(of target: Target) -> Double

    /// The loss of some texts, summed and divided by `terms`, and its gradient.
    ///
    /// `terms` is the sum of ``lossTerms(of:)`` over the whole step, so that the parts of a step add up to its mean loss. Where it
    /// is 0 nothing is learned.
    ///
    /// - Parameter rows: which rows of `outputs` are of each text, end to end.
    func loss(
        _ outputs: Matrix, rows: [Range<Int>], _ targets: [Target], terms: Double
    ) -> (loss: Double, dOutputs: Matrix)

    // MARK: Answering

    /// How well outputs, a matrix for each text, agree with what is known about the texts.
    func scores(_ outputs: [Matrix], _ targets: [Target]) -> Scores

    /// What the outputs say about an input, which became these texts.
    func answer(_ input: TextInput, _ texts: [TokenizedText], _ outputs: [Matrix]) -> Prediction.Answer

    /// What outputs say, as numbers of which a difference means something: probabilities where there are any.
    func probabilities(of outputs: Matrix) -> Matrix

    /// This head where the model folder has modules behind its pooling. They are the folder's, not the head's.
    func behind(_ modules: SentenceModules) -> any Head
}

extension Head {
    /// What trains.
    public var parameters: [Parameter] { network.parameters }
    /// Single texts too.
    public var needsPairs: Bool { false }
    /// Part by part.
    public var lossSeesWholeStep: Bool { false }

    /// A head sees what the pooling gives, before any other module.
    public func behind(_ modules: SentenceModules) -> any Head { self }

    /// The start of PyTorch's layers, a function of the seed.
    public func initialize(_ values: inout ParameterVector, seed: UInt64) { network.initialize(&values, seed: seed) }

    /// The rows of each text of a batch in what ``pool(_:_:)`` gives of it, and in the outputs.
    public func rows(of batch: PackedBatch) -> [Range<Int>] {
        var start = 0
        return batch.sequences.map { tokens in
            defer { start += rows(ofTokens: tokens.count) }
            return start..<start + rows(ofTokens: tokens.count)
        }
    }

    /// The loss of the texts of a batch.
    public func loss(
        _ outputs: Matrix, _ targets: [Target], _ batch: PackedBatch, terms: Double
    ) -> (loss: Double, dOutputs: Matrix) {
        loss(outputs, rows: rows(of: batch), targets, terms: terms)
    }
}
