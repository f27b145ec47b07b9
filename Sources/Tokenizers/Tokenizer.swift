/// Text to token ids, and what a library needs to know of the vocabulary.
///
/// A tokenizer holds no state that changes: one may be used from several threads at once.
public protocol Tokenizer: Sendable {
    /// The number of tokens, added ones included. Ids may have gaps, so it need not be the highest id plus one.
    var vocabularySize: Int { get }
    /// One more than the highest id: the least number of rows an embedding must have.
    var idLimit: Int { get }
    /// The ids of tokens with a role of their own.
    var specialTokens: SpecialTokens { get }
    /// The limits the folder's files state, which the caller chooses from.
    var statedLimits: StatedLimits { get }

    /// The id of a token as the vocabulary writes it (`##ing`, `[CLS]`), nil if it has none.
    func id(of token: String) -> Int32?
    /// The token of an id, nil where the vocabulary has a gap or ends.
    func token(of id: Int32) -> String?

    /// Tokenizes a text, or a pair of texts, with the special tokens of the post-processor.
    ///
    /// - Parameter truncation: how to shorten; nil keeps all.
    func tokenize(
        _ text: String, pairedWith second: String?, truncation: Truncation?
    ) throws(TokenizerError) -> TokenizedText

    /// Tokenizes a text that is already split to words, each of which is tokenized for itself.
    ///
    /// The result's `words` are indices into `words`, its offsets count within the word. A word that normalizes to
    /// nothing has no token.
    func tokenize(words: [String], truncation: Truncation?) throws(TokenizerError) -> TokenizedText

    /// The number of special tokens that are added to a text, or to a pair.
    func specialTokenCount(forPair isPair: Bool) -> Int
}

extension Tokenizer {
    /// Tokenizes a text, or a pair of texts, to at most `limit` tokens, special tokens included.
    ///
    /// Shortens as the tokenizer's files say, else the longer text first and at the end.
    public func tokenize(
        _ text: String, pairedWith second: String? = nil, limit: Int
    ) throws(TokenizerError) -> TokenizedText {
        try tokenize(text, pairedWith: second, truncation: truncation(to: limit))
    }

    /// Tokenizes words to at most `limit` tokens, special tokens included, shortened as the tokenizer's files say.
    public func tokenize(_ words: [String], limit: Int) throws(TokenizerError) -> TokenizedText {
        try tokenize(words: words, truncation: truncation(to: limit))
    }

    /// The stored truncation with another limit.
    private func truncation(to limit: Int) -> Truncation {
        var truncation = statedLimits.truncation ?? Truncation(limit: limit)
        truncation.limit = limit
        return truncation
    }
}
