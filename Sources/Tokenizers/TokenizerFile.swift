/// What tokenizer.json says, checked and ready to be put together.
struct TokenizerFile {
    let file: String
    let normalizer: Normalizer?
    let preTokenizer: PreTokenizer?
    let model: WordPiece
    /// The text of the model's unknown token.
    let unknown: String
    let postProcessor: PostProcessor
    let addedTokens: AddedTokens
    let truncation: Truncation?
    /// The id a batch is filled up with, where the file says so.
    let padding: Int32?

    private static let fields = [
        "version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder",
        "model",
    ]

    init(_ bytes: [UInt8], file: String) throws(TokenizerError) {
        self.file = file
        var reader = try JSONReader(bytes, file: file)
        var fields: [JSONValue.Field] = []
        var model: ModelFields?
        try reader.enterObject()
        while let name = try reader.nextField() {
            guard Self.fields.contains(name) else { throw .unknownField(file: file, field: name) }
            guard !fields.contains(where: { $0.name == name }), name != "model" || model == nil else {
                throw .unexpectedValue(file: file, field: name, found: "there twice", expected: "it once")
            }
            if name == "model" {
                model = try ModelFields(&reader, sizeHint: bytes.count)
            } else {
                fields.append(.init(name: name, value: try reader.value()))
            }
        }
        try reader.end()
        let document = JSONObject(fields: fields, file: file, path: "")
        if let version = try document.optionalString("version"), version != "1.0" {
            throw .unexpectedValue(file: file, field: "version", found: "“\(version)”", expected: "“1.0”")
        }
        guard let model else { throw .missingField(file: file, field: "model") }
        (self.model, unknown) = try model.wordPiece()
        normalizer = try document["normalizer"].map { value throws(TokenizerError) in
            try Normalizer(try JSONObject(value, file: file, path: "normalizer"))
        }
        preTokenizer = try document["pre_tokenizer"].map { value throws(TokenizerError) in
            try PreTokenizer(try JSONObject(value, file: file, path: "pre_tokenizer"))
        }
        addedTokens = AddedTokens(
            try AddedToken.read(document, vocabulary: self.model.vocabulary, normalizer: normalizer),
            normalizer: normalizer)
        let tokens = addedTokens
        let vocabulary = self.model.vocabulary
        postProcessor =
            try document["post_processor"].map { value throws(TokenizerError) in
                try PostProcessor(try JSONObject(value, file: file, path: "post_processor")) { token in
                    vocabulary.id(of: token) ?? tokens.id(of: token)
                }
            } ?? .none
        truncation = try document["truncation"].map { value throws(TokenizerError) in
            try Truncation(try JSONObject(value, file: file, path: "truncation"))
        }
        padding = try document["padding"].map { value throws(TokenizerError) in
            try JSONObject(value, file: file, path: "padding").id("pad_id")
        }
    }
}

/// The `model` of tokenizer.json, its vocabulary read without a detour.
private struct ModelFields {
    private let fields: JSONObject
    private let vocabulary: Vocabulary?

    init(_ reader: inout JSONReader, sizeHint: Int) throws(TokenizerError) {
        var fields: [JSONValue.Field] = []
        var vocabulary: Vocabulary?
        try reader.enterObject()
        while let name = try reader.nextField() {
            guard !fields.contains(where: { $0.name == name }) else {
                throw .unexpectedValue(
                    file: reader.file, field: "model.\(name)", found: "there twice", expected: "it once")
            }
            if name == "vocab", reader.isAtObject {
                // Some 15 bytes an entry, as `"token":12345,`.
                vocabulary = try Self.vocabulary(&reader, capacity: sizeHint / 15)
                fields.append(.init(name: name, value: .null))
            } else {
                fields.append(.init(name: name, value: try reader.value()))
            }
            // Said before a long list of merges is read for nothing.
            if name == "type" { try Self.checkType(JSONObject(fields: fields, file: reader.file, path: "model")) }
        }
        self.fields = JSONObject(fields: fields, file: reader.file, path: "model")
        self.vocabulary = vocabulary
    }

    private static func checkType(_ model: JSONObject) throws(TokenizerError) {
        let type = try model.string("type")
        guard type == "WordPiece" else {
            throw .unsupportedComponent(file: model.file, stage: "model", found: type, supported: ["WordPiece"])
        }
    }

    private static func vocabulary(
        _ reader: inout JSONReader, capacity: Int
    ) throws(TokenizerError) -> Vocabulary {
        var vocabulary = Vocabulary(capacity: capacity)
        var token: [UInt8] = []
        try reader.enterObject()
        while try reader.nextField(into: &token) {
            guard let id = reader.identifier() else {
                throw .unexpectedValue(
                    file: reader.file, field: "model.vocab.\(String(decoding: token, as: UTF8.self))",
                    found: try reader.value().summary, expected: "a whole number from 0 to \(Int32.max)")
            }
            try vocabulary.insert(token, id: id, file: reader.file)
            token.removeAll(keepingCapacity: true)
        }
        return vocabulary
    }

    /// The model and the text of its unknown token.
    func wordPiece() throws(TokenizerError) -> (WordPiece, String) {
        let names = ["type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"]
        try fields.allow(only: names)
        guard let vocabulary else {
            throw fields.has("vocab")
                ? fields.unexpected("vocab", "an object of tokens and ids")
                : .missingField(file: fields.file, field: "model.vocab")
        }
        let unknown = try fields.string("unk_token")
        guard let id = vocabulary.id(of: unknown) else {
            throw .missingToken(file: fields.file, token: unknown, role: "unknown words (model.unk_token)")
        }
        let model = WordPiece(
            vocabulary, unknown: id, continuation: try fields.string("continuing_subword_prefix"),
            longestWord: try fields.count("max_input_chars_per_word"))
        return (model, unknown)
    }
}

extension Vocabulary {
    /// Adds a token; a token or an id that is there already is an error that names the file.
    mutating func insert(_ token: [UInt8], id: Int32, file: String) throws(TokenizerError) {
        switch insert(token, id: id) {
        case nil: return
        case .tokenExists: throw .duplicateToken(file: file, token: String(decoding: token, as: UTF8.self))
        case .idExists(let other):
            throw .duplicateID(file: file, id: Int(id), tokens: [other, String(decoding: token, as: UTF8.self)])
        }
    }
}
