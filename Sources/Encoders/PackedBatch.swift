/// The tokens of several texts end to end, and which range is which text. No padding, no mask.
public struct PackedBatch: Sendable {
    /// Token ids, text after text.
    public private(set) var tokens: [Int32] = []
    /// Segment ids (0, or 1 for the second text of a pair), one for each token.
    public private(set) var segments: [Int32] = []
    /// The range of each text in `tokens`.
    public private(set) var sequences: [Range<Int>] = []

    /// No texts yet.
    public init() {}

    /// Adds a text. `segments` has one id for each token; it must not be empty.
    public mutating func append(tokens: [Int32], segments: [Int32]) {
        precondition(!tokens.isEmpty && tokens.count == segments.count, "a text has tokens, each with a segment")
        sequences.append(self.tokens.count..<self.tokens.count + tokens.count)
        self.tokens += tokens
        self.segments += segments
    }
}
