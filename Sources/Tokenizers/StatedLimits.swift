/// How long a tokenized text may be, as the files of a model folder state it, each nil where the file does not.
///
/// They often differ. all-MiniLM-L6-v2 says 256, 512 and 128: it was trained at 128, sentence-transformers reads up
/// to 256, and the encoder has 512 positions.
public struct StatedLimits: Hashable, Sendable {
    /// `max_seq_length` of sentence_bert_config.json.
    public var sentenceTransformers: Int?
    /// `model_max_length` of tokenizer_config.json, unless it is the huge number that means none.
    public var tokenizerConfig: Int?
    /// `truncation` of tokenizer.json.
    public var truncation: Truncation?

    /// Makes stated limits.
    public init(sentenceTransformers: Int? = nil, tokenizerConfig: Int? = nil, truncation: Truncation? = nil) {
        self.sentenceTransformers = sentenceTransformers
        self.tokenizerConfig = tokenizerConfig
        self.truncation = truncation
    }
}
