/// Which rows of a step's embeddings are of one example: a pair or a triplet of texts.
public struct RelatedRows: Sendable, Equatable {
    /// The first text, which a triplet calls the anchor.
    public var first: Int
    /// The text that belongs to it.
    public var second: Int
    /// A text that does not; nil in a pair.
    public var negative: Int?
    /// The cosine that the first two are to have; nil where that is not said.
    public var score: Float?

    /// The given rows.
    public init(first: Int, second: Int, negative: Int? = nil, score: Float? = nil) {
        (self.first, self.second, self.negative, self.score) = (first, second, negative, score)
    }
}
