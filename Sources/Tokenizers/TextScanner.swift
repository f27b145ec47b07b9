/// A fast way from a text to its tokens, which gives what the stages give one after the other.
protocol TextScanner: Sendable {
    /// The tokens of a text, without special tokens; nil where it gives up and the stages must do the text.
    ///
    /// - Parameter maximum: how many tokens are enough; the word that reaches it may be the last.
    func tokens(of text: String, atMost maximum: Int) -> Tokens?
}
