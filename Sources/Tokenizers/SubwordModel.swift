/// A stage that spells words in tokens: the `model` of tokenizer.json.
protocol SubwordModel: Sendable {
    /// The tokens the model has; added tokens may follow on.
    var vocabulary: Vocabulary { get }
    /// The token that stands for what the model cannot spell; nil where it leaves that out.
    var unknown: Int32? { get }

    /// Adds the tokens of words, up to the word that reaches a number of tokens.
    ///
    /// - Parameters:
    ///   - words: ranges of the text's scalars; none is empty.
    ///   - firstWord: which word of the whole text the first one is.
    ///   - maximum: how many tokens, with those already there, are enough.
    func spell(
        _ words: [Range<Int>], of text: NormalizedText, firstWord: Int, atMost maximum: Int, into tokens: inout Tokens)
}
