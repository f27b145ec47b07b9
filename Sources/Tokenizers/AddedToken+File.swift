extension AddedToken {
    /// Reads the added tokens of tokenizer.json. A token the vocabulary has keeps that id; others follow on.
    static func read(
        _ document: JSONObject, vocabulary: Vocabulary, normalizer: Normalizer?
    ) throws(TokenizerError) -> [AddedToken] {
        guard document["added_tokens"] != nil else { return [] }
        var tokens: [AddedToken] = []
        var contents: Set<[UInt8]> = []
        var nextID = Int32(vocabulary.count)
        for json in try document.objects("added_tokens") {
            try json.allow(only: ["id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"])
            let token = AddedToken(
                content: try json.string("content"), id: try json.id("id"),
                isSingleWord: try json.flag("single_word"), stripsLeft: try json.flag("lstrip"),
                stripsRight: try json.flag("rstrip"), isNormalized: try json.flag("normalized"),
                isSpecial: try json.flag("special"))
            guard contents.insert(Array(token.content.utf8)).inserted else {
                throw .duplicateToken(file: json.file, token: token.content)
            }
            try check(token, json, vocabulary, &nextID, normalizer)
            tokens.append(token)
        }
        return tokens
    }

    private static func check(
        _ token: AddedToken, _ json: JSONObject, _ vocabulary: Vocabulary, _ nextID: inout Int32,
        _ normalizer: Normalizer?
    ) throws(TokenizerError) {
        var text = NormalizedText(token.content.unicodeScalars.map(\.value))
        if token.isNormalized { normalizer?.apply(to: &text) }
        guard text.count > 0 else {
            throw json.unexpected("content", "text that is not empty, and does not become so by the normalizer")
        }
        let expected = vocabulary.id(of: token.content) ?? nextID
        guard token.id == expected else {
            throw .wrongID(file: json.file, token: token.content, found: Int(token.id), expected: Int(expected))
        }
        if expected == nextID, vocabulary.id(of: token.content) == nil {
            if let other = vocabulary.token(of: expected) {
                throw .duplicateID(file: json.file, id: Int(expected), tokens: [other, token.content])
            }
            nextID += 1
        }
    }
}
