/// A text, a pair of texts, or a triplet, to be answered or embedded.
public struct TextInput: Sendable, Hashable, ExpressibleByStringLiteral {
    /// The text, the first of a pair.
    public let text: String
    /// The second text of a pair.
    public let pair: String?
    /// The text of a triplet that does not belong to the first.
    public let negative: String?
    /// The words of a text that came in words; tags are given to these.
    public let words: [String]?

    /// The given text or texts.
    public init(_ text: String, pairedWith pair: String? = nil, negative: String? = nil) {
        (self.text, self.pair, self.negative, words) = (text, pair, negative, nil)
    }

    /// A text of the given words, with a space between each two.
    public init(words: [String]) {
        (text, pair, negative, self.words) = (words.joined(separator: " "), nil, nil, words)
    }

    /// A text alone.
    public init(stringLiteral text: String) { self.init(text) }
}
