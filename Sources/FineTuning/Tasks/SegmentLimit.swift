import Encoders
import Tokenizers

/// A tokenizer whose segments are more than an encoder has embeddings for: single texts fit, pairs are refused by name.
struct SegmentLimit: Tokenizer {
    private let tokenizer: any Tokenizer
    private let segments: Int

    /// `tokenizer` as it is, if all that it gives fits an encoder with so many segments (0: it has none, and reads none).
    ///
    /// - Throws: if not even a single text fits.
    static func applied(to tokenizer: any Tokenizer, segments: Int) throws(TokenizerError) -> any Tokenizer {
        guard segments > 0 else { return tokenizer }
        let limited = SegmentLimit(tokenizer: tokenizer, segments: segments)
        _ = try limited.tokenize("a", pairedWith: nil, truncation: nil)
        do { _ = try limited.tokenize("a", pairedWith: "a", truncation: nil) } catch { return limited }
        return tokenizer
    }

    func tokenize(
        _ text: String, pairedWith second: String?, truncation: Truncation?
    ) throws(TokenizerError) -> TokenizedText {
        let tokenized = try tokenizer.tokenize(text, pairedWith: second, truncation: truncation)
        if let highest = tokenized.segments.max(), highest >= segments {
            throw .noSegment(found: Int(highest), segments: segments)
        }
        return tokenized
    }

    func tokenize(words: [String], truncation: Truncation?) throws(TokenizerError) -> TokenizedText {
        try tokenizer.tokenize(words: words, truncation: truncation)
    }

    func specialTokenCount(forPair isPair: Bool) -> Int { tokenizer.specialTokenCount(forPair: isPair) }
    func id(of token: String) -> Int32? { tokenizer.id(of: token) }
    func token(of id: Int32) -> String? { tokenizer.token(of: id) }
    var vocabularySize: Int { tokenizer.vocabularySize }
    var idLimit: Int { tokenizer.idLimit }
    var specialTokens: SpecialTokens { tokenizer.specialTokens }
    var statedLimits: StatedLimits { tokenizer.statedLimits }
}
