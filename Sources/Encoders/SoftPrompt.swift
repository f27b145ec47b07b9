import Matrices

/// Embeddings of virtual tokens that stand before the tokens of each text. They go through every layer with the text, take the
/// first positions and the first segment, and are left out of the hidden states in the end.
public struct SoftPrompt: Sendable {
    /// [tokens, width of the embeddings]
    public let rows: Parameter

    /// The given embeddings.
    public init(rows: Parameter) { self.rows = rows }

    /// How many tokens there are.
    public var count: Int { rows.rows }
}
