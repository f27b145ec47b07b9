extension Unigram {
    /// Reads the model of tokenizer.json.
    init(_ model: ModelFields) throws(TokenizerError) {
        let fields = model.fields
        try fields.allow(only: ["type", "unk_id", "vocab", "byte_fallback"])
        let (vocabulary, scores) = try model.requiredScores()
        let unknown = try fields.id("unk_id")
        guard unknown < scores.count else {
            throw fields.unexpected("unk_id", "the id of one of the \(scores.count) tokens of model.vocab")
        }
        self.init(
            vocabulary, scores: scores, unknown: unknown,
            fallsBackToBytes: try fields.optionalFlag("byte_fallback") ?? false)
    }
}
