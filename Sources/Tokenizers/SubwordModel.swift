/// A stage that spells words in tokens: the `model` of tokenizer.json.
protocol SubwordModel: Sendable {
    /// The tokens the model has; added tokens may follow on.
    var vocabulary: Vocabulary { get }
    /// The token that stands for what the model cannot spell; nil where it leaves that out.
    var unknown: Int32? { get }

    /// Adds the tokens of one word.
    ///
    /// - Parameters:
    ///   - range: the word's scalars in the text; not empty.
    ///   - word: which word of the text it is.
    func spell(_ text: NormalizedText, _ range: Range<Int>, word: Int, into tokens: inout Tokens)

    /// Adds the tokens of several words of a text; the word that reaches `maximum` tokens is the last.
    ///
    /// - Parameter firstWord: which word of the text the first one is.
    func spell(
        _ text: NormalizedText, _ words: [Range<Int>], firstWord: Int, atMost maximum: Int, into tokens: inout Tokens)
}

extension SubwordModel {
    func spell(
        _ text: NormalizedText, _ words: [Range<Int>], firstWord: Int, atMost maximum: Int, into tokens: inout Tokens
    ) {
        for (index, range) in words.enumerated() where tokens.ids.count < maximum {
            spell(text, range, word: firstWord + index, into: &tokens)
        }
    }
}
