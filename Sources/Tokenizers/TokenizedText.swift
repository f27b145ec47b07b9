/// A text, or a pair of texts, as the tokens an encoder reads. All arrays have one element a token.
public struct TokenizedText: Equatable, Sendable {
    /// The tokens' ids, special tokens included.
    public var ids: [Int32]
    /// Which text a token is of, as the encoder's segment embedding wants it: 0 the first, 1 the second.
    public var segments: [Int32]
    /// Where a token stands in its text, counted in Unicode scalars (what Python calls characters); 0..<0 for special
    /// tokens. With pre-split words: where it stands in its word.
    public var offsets: [Range<Int>]
    /// Which word of its text a token is of, counted from 0; nil for special tokens.
    public var words: [Int?]
    /// Whether the tokenizer put the token there by itself, as `[CLS]` and `[SEP]`.
    public var isSpecial: [Bool]

    /// The number of tokens.
    public var count: Int { ids.count }

    /// Makes a tokenized text; all arrays must be of one length.
    public init(ids: [Int32], segments: [Int32], offsets: [Range<Int>], words: [Int?], isSpecial: [Bool]) {
        precondition(
            [segments.count, offsets.count, words.count, isSpecial.count].allSatisfy { $0 == ids.count },
            "A tokenized text has one id, segment, offset, word and flag a token.")
        self.ids = ids
        self.segments = segments
        self.offsets = offsets
        self.words = words
        self.isSpecial = isSpecial
    }

    init() { (ids, segments, offsets, words, isSpecial) = ([], [], [], [], []) }
}
