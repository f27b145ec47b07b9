extension BytePairEncoding {
    /// Reads the model of tokenizer.json.
    init(_ model: ModelFields) throws(TokenizerError) {
        let fields = model.fields
        try fields.allow(
            only: [
                "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                "byte_fallback", "ignore_merges", "vocab", "merges",
            ])
        // The Rust library takes dropout for none where it is 0.
        switch fields["dropout"] {
        case nil, .integer(0), .number(0): break
        default: throw fields.unexpected("dropout", "null: with dropout a text has other tokens each time")
        }
        let vocabulary = try model.requiredVocabulary()
        guard let merges = model.merges else {
            throw fields.has("merges")
                ? fields.unexpected("merges", "an array of merges")
                : .missingField(file: fields.file, field: "model.merges")
        }
        var options = Options()
        // GPT-2's older files name an empty one: with a token for every byte it is never called for.
        if let unknown = try fields.optionalString("unk_token"), !unknown.isEmpty || vocabulary.id(of: "") != nil {
            guard let id = vocabulary.id(of: unknown) else {
                throw .missingToken(
                    file: fields.file, token: unknown, role: "unknown characters (model.unk_token)")
            }
            options.unknown = id
        }
        options.fusesUnknown = try fields.optionalFlag("fuse_unk") ?? false
        options.fallsBackToBytes = try fields.optionalFlag("byte_fallback") ?? false
        options.ignoresMerges = try fields.optionalFlag("ignore_merges") ?? false
        options.continuation = Array(try (fields.optionalString("continuing_subword_prefix") ?? "").utf8)
        options.wordEnd = Array(try (fields.optionalString("end_of_word_suffix") ?? "").utf8)
        if options.fallsBackToBytes, !options.continuation.isEmpty || !options.wordEnd.isEmpty {
            // What the Rust library makes of it: tokens that cover more bytes than the word has.
            throw fields.unexpected("byte_fallback", "false where tokens have a prefix or a suffix")
        }
        self.init(
            vocabulary, merges: try merges.table(vocabulary, continuation: options.continuation), options)
    }
}
