/// The ids of the tokens with a role of their own. A role without a token in the vocabulary is nil.
public struct SpecialTokens: Hashable, Sendable {
    /// Stands for what the vocabulary cannot spell, `[UNK]`. Byte-level models spell everything, and may have none.
    public var unknown: Int32?
    /// Opens a text, `[CLS]`; its hidden state may stand for the whole.
    public var classification: Int32?
    /// Closes a text, `[SEP]`.
    public var separator: Int32?
    /// Fills up a batch, `[PAD]`.
    public var padding: Int32?
    /// Stands for a hidden token, `[MASK]`.
    public var mask: Int32?

    /// Makes a set of special tokens.
    public init(
        unknown: Int32?, classification: Int32? = nil, separator: Int32? = nil, padding: Int32? = nil,
        mask: Int32? = nil
    ) {
        self.unknown = unknown
        self.classification = classification
        self.separator = separator
        self.padding = padding
        self.mask = mask
    }
}
