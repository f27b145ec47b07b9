/// The `model` of tokenizer.json. Its vocabulary, which is nearly the whole file, is read straight into our own tables.
struct ModelFields {
    /// All but what is read straight, which stands here as null.
    let fields: JSONObject
    /// `vocab` where it is an object of tokens and ids.
    private(set) var vocabulary: Vocabulary?
    /// `vocab` where it is an array of tokens and scores: the ids count up.
    private(set) var scoredVocabulary: (vocabulary: Vocabulary, scores: [Double])?
    /// `merges` where it is an array.
    private(set) var merges: MergeList?

    /// The kinds of models Graft has.
    private static let types = ["WordPiece", "Unigram", "BPE"]

    /// - Parameter sizeHint: how many bytes the file has.
    init(_ reader: inout JSONReader, sizeHint: Int) throws(TokenizerError) {
        var fields: [JSONValue.Field] = []
        try reader.enterObject()
        while let name = try reader.nextField() {
            guard !fields.contains(where: { $0.name == name }) else {
                throw .unexpectedValue(
                    file: reader.file, field: "model.\(name)", found: "there twice", expected: "it once")
            }
            switch name {
            case "vocab" where reader.isAtObject:
                // Some 15 bytes an entry, as `"token":12345,`.
                vocabulary = try Vocabulary(&reader, capacity: sizeHint / 15, path: "model.vocab.")
                fields.append(.init(name: name, value: .null))
            case "vocab" where reader.isAtArray:
                // Some 30 bytes an entry, as `["▁token",-12.345678901234567],`.
                scoredVocabulary = try Self.scoredVocabulary(&reader, capacity: sizeHint / 30)
                fields.append(.init(name: name, value: .null))
            case "merges" where reader.isAtArray:
                merges = try MergeList(&reader)
                fields.append(.init(name: name, value: .null))
            default: fields.append(.init(name: name, value: try reader.value()))
            }
            // Said before a long list of merges is read for nothing.
            if name == "type" { _ = try Self.type(JSONObject(fields: fields, file: reader.file, path: "model")) }
        }
        self.fields = JSONObject(fields: fields, file: reader.file, path: "model")
    }

    private static func type(_ model: JSONObject) throws(TokenizerError) -> String {
        let type = try model.string("type")
        guard types.contains(type) else {
            throw .unsupportedComponent(file: model.file, stage: "model", found: type, supported: types)
        }
        return type
    }

    /// The kind of the model. Files of 2020, GPT-2's and many of its time, do not say it: there it is told by the fields.
    private func type() throws(TokenizerError) -> String {
        if fields.has("type") { return try Self.type(fields) }
        if merges != nil { return "BPE" }
        if scoredVocabulary != nil { return "Unigram" }
        guard fields.has("max_input_chars_per_word") else {
            throw .missingField(file: fields.file, field: "model.type")
        }
        return "WordPiece"
    }

    /// The model.
    func model() throws(TokenizerError) -> any SubwordModel {
        switch try type() {
        case "Unigram": return try Unigram(self)
        case "BPE": return try BytePairEncoding(self)
        default: return try WordPiece(self)
        }
    }

    /// The vocabulary of a model that needs it as an object of tokens and ids.
    func requiredVocabulary() throws(TokenizerError) -> Vocabulary {
        if let vocabulary { return vocabulary }
        throw missingVocabulary("an object of tokens and ids")
    }

    /// Why a model has no vocabulary of the kind it needs.
    private func missingVocabulary(_ expected: String) -> TokenizerError {
        let found =
            scoredVocabulary.map { "an array of \($0.scores.count)" }
            ?? vocabulary.map { "an object of \($0.count) fields" }
        if let found {
            return .unexpectedValue(file: fields.file, field: "model.vocab", found: found, expected: expected)
        }
        return fields.has("vocab")
            ? fields.unexpected("vocab", expected) : .missingField(file: fields.file, field: "model.vocab")
    }

    /// The vocabulary of a model that needs it as an array of tokens and scores.
    func requiredScores() throws(TokenizerError) -> (vocabulary: Vocabulary, scores: [Double]) {
        if let scoredVocabulary { return scoredVocabulary }
        throw missingVocabulary("an array of tokens with their scores")
    }
}

extension ModelFields {
    private static func scoredVocabulary(
        _ reader: inout JSONReader, capacity: Int
    ) throws(TokenizerError) -> (Vocabulary, [Double]) {
        let file = reader.file
        var (bytes, starts, scores) = ([UInt8](), [Int32(0)], [Double]())
        bytes.reserveCapacity(capacity * 8)
        starts.reserveCapacity(capacity)
        scores.reserveCapacity(capacity)
        func unexpected() -> TokenizerError {
            .unexpectedValue(
                file: file, field: "model.vocab[\(scores.count)]", found: "something else",
                expected: "a token and its score")
        }
        try reader.enterArray()
        while try reader.nextElement() {
            guard reader.isAtArray else { throw unexpected() }
            try reader.enterArray()
            guard try reader.nextElement(), reader.isAtString else { throw unexpected() }
            try reader.string(into: &bytes)
            guard try reader.nextElement(), let score = reader.score(), try !reader.nextElement() else {
                throw unexpected()
            }
            starts.append(Int32(truncatingIfNeeded: bytes.count))
            scores.append(score)
        }
        return (try Vocabulary(bytes, starts: starts, file: file), scores)
    }
}
