extension TokenizerFile {
    /// Makes of vocab.txt, one token a line, and the files beside it what tokenizer.json would say.
    init(vocabulary bytes: [UInt8], file: String, _ config: TokenizerConfig) throws(TokenizerError) {
        try config.checkBert()
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .notUTF8(file: file) }
        let vocabulary = try Self.vocabulary(bytes, file: file)

        func id(_ role: TokenizerConfig.Role) throws(TokenizerError) -> Int32 {
            let text = config.text(of: role)
            guard let id = vocabulary.id(of: text) else {
                throw .missingToken(file: file, token: text, role: role.rawValue)
            }
            return id
        }
        var tokens: [AddedToken] = []
        func add(_ text: String) {
            guard let id = vocabulary.id(of: text), !tokens.contains(where: { $0.id == id }) else { return }
            tokens.append(AddedToken(content: text, id: id, isSpecial: true))
        }
        TokenizerConfig.Role.allCases.forEach { add(config.text(of: $0)) }
        for text in config.additional {
            guard vocabulary.id(of: text) != nil else {
                throw .missingToken(file: file, token: text, role: "additional_special_tokens")
            }
            add(text)
        }
        let normalizer = Normalizer.bert(try config.bertNormalizer())
        self.init(
            file: file, normalizer: normalizer, preTokenizer: .bert,
            model: WordPiece(vocabulary, unknown: try id(.unknown), continuation: "##", longestWord: 100),
            postProcessor: .bert(classification: try id(.classification), separator: try id(.separator)),
            addedTokens: AddedTokens(tokens, normalizer: normalizer))
    }

    /// A token's id is the number of lines before it. Lines end as Python reads them: `\n`, `\r\n` or `\r`.
    private static func vocabulary(_ bytes: [UInt8], file: String) throws(TokenizerError) -> Vocabulary {
        var vocabulary = Vocabulary(capacity: bytes.count / 7)
        var (start, position, id) = (0, 0, Int32(0))
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            guard byte == 0x0A || byte == 0x0D || position == bytes.count else { continue }
            let isEnd = byte == 0x0A || byte == 0x0D
            try vocabulary.insert(Array(bytes[start..<(isEnd ? position - 1 : position)]), id: id, file: file)
            if byte == 0x0D, position < bytes.count, bytes[position] == 0x0A { position += 1 }
            (start, id) = (position, id + 1)
        }
        return vocabulary
    }
}
