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
}
