import Encoders
import Matrices
import Tokenizers

/// A head that sees one vector a text or pair, and gives one row of outputs for it.
public protocol PooledHead: Head {
    /// How hidden states become the vector.
    var textPooling: Pooling { get }
}

extension PooledHead {
    /// How hidden states become the vector.
    public var pooling: Pooling? { textPooling }
    /// Pairs too.
    public var takesPairs: Bool { true }

    /// The text or pair, cut to the limit.
    public func texts(
        of input: TextInput, _ tokenizer: any Tokenizer, limit: Int
    ) throws(TokenizerError) -> [TokenizedText] {
        [try tokenizer.tokenize(input.text, pairedWith: input.pair, limit: limit)]
    }

    /// One vector a text.
    public func pool(
        _ hidden: Matrix, _ batch: PackedBatch
    ) -> (pooled: Matrix, pullback: @Sendable (_ dPooled: Matrix) -> Matrix) { textPooling.forward(hidden, batch) }

    /// One row a text.
    public func rows(ofTokens count: Int) -> Int { 1 }

    /// One term a text.
    public func lossTerms(of target: Target) -> Double { 1 }
}
