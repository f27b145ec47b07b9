/// What tokenizer.json says, checked and ready to be put together.
struct TokenizerFile {
    let file: String
    let normalizer: Normalizer?
    let preTokenizer: PreTokenizer?
    let model: any SubwordModel
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
        guard let model else { throw .missingField(file: file, field: "model") }
        try self.init(JSONObject(fields: fields, file: file, path: ""), model: try model.model())
    }

    /// Puts a model and the stages around it together.
    ///
    /// - Parameter document: what tokenizer.json says, or would say, of all but the model.
    init(_ document: JSONObject, model: any SubwordModel) throws(TokenizerError) {
        let file = document.file
        self.file = file
        if let version = try document.optionalString("version"), version != "1.0" {
            throw .unexpectedValue(file: file, field: "version", found: "“\(version)”", expected: "“1.0”")
        }
        normalizer = try document["normalizer"].map { value throws(TokenizerError) in
            try Normalizer(try JSONObject(value, file: file, path: "normalizer"))
        }
        preTokenizer = try document["pre_tokenizer"].map { value throws(TokenizerError) in
            try PreTokenizer(try JSONObject(value, file: file, path: "pre_tokenizer"))
        }
        self.model = try ByteLevel.model(model, after: preTokenizer, file: file)
        addedTokens = AddedTokens(
            try AddedToken.read(document, vocabulary: model.vocabulary, normalizer: normalizer),
            normalizer: normalizer)
        let (vocabulary, tokens) = (model.vocabulary, addedTokens)
        postProcessor =
            try document["post_processor"].map { value throws(TokenizerError) in
                try PostProcessor(try JSONObject(value, file: file, path: "post_processor")) { token in
                    vocabulary.id(of: token) ?? tokens.id(of: token)
                }
            } ?? .none
        truncation = try document["truncation"].map { value throws(TokenizerError) in
            try Truncation(try JSONObject(value, file: file, path: "truncation"))
        }
        // How a batch is filled up (to which length, on which side) says nothing here: Graft packs texts end to end.
        padding = try document["padding"].map { value throws(TokenizerError) in
            try JSONObject(value, file: file, path: "padding").id("pad_id")
        }
    }

    /// Puts together what another kind of file says.
    init(
        file: String, normalizer: Normalizer?, preTokenizer: PreTokenizer?, model: any SubwordModel,
        postProcessor: PostProcessor, addedTokens: AddedTokens, truncation: Truncation? = nil, padding: Int32? = nil
    ) {
        self.file = file
        self.normalizer = normalizer
        self.preTokenizer = preTokenizer
        self.model = model
        self.postProcessor = postProcessor
        self.addedTokens = addedTokens
        self.truncation = truncation
        self.padding = padding
    }
}
