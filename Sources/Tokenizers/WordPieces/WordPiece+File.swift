extension WordPiece {
    /// Reads the model of tokenizer.json.
    init(_ model: ModelFields) throws(TokenizerError) {
        let fields = model.fields
        try fields.allow(
            only: ["type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"])
        let vocabulary = try model.requiredVocabulary()
        let unknown = try fields.string("unk_token")
        guard let id = vocabulary.id(of: unknown) else {
            throw .missingToken(file: fields.file, token: unknown, role: "unknown words (model.unk_token)")
        }
        self.init(
            vocabulary, unknown: id, continuation: try fields.string("continuing_subword_prefix"),
            longestWord: try fields.count("max_input_chars_per_word"))
    }
}
