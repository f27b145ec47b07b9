/// A text, or a pair of texts, to be answered or embedded.
public struct TextInput: Sendable, Hashable, ExpressibleByStringLiteral {
    /// The text, the first of a pair.
    public let text: String
    /// The second text of a pair.
    public let pair: String?

    /// The given text or texts.
    public init(_ text: String, pairedWith pair: String? = nil) { (self.text, self.pair) = (text, pair) }

    /// A text alone.
    public init(stringLiteral text: String) { self.init(text) }
}
