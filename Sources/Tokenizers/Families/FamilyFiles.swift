/// The files of a folder without tokenizer.json, and what transformers makes of them: the tokenizer.json that its class
/// would write.
struct FamilyFiles {
    let family: TokenizerFamily
    /// The vocabulary's file, for errors.
    let file: String
    let config: TokenizerConfig
    let stated: TokenizerConfig.StatedTokens

    /// - Parameter added: the content of added_tokens.json, if there is one.
    init(
        _ family: TokenizerFamily, file: String, _ config: TokenizerConfig, added: JSONObject?
    ) throws(TokenizerError) {
        self.family = family
        self.file = file
        self.config = config
        stated = try config.statedTokens(added)
    }

    // MARK: Special tokens

    /// The token of a role, nil where the class has none and no file names one.
    func token(of role: TokenizerConfig.Role) -> TokenStatement? {
        let usual = family.tokens.first { $0.role == role }?.statement
        guard let named = stated.byRole[role] else {
            return config.config.has(role.rawValue) ? nil : usual
        }
        guard !named.hasFlags, var token = usual else { return named }
        token.content = named.content
        return token
    }

    /// The tokens beyond the roles.
    private func additionalTokens() throws(TokenizerError) -> [TokenStatement] {
        switch family {
        case .camembert:
            return stated.additional ?? ["<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"].map { TokenStatement($0) }
        case .t5:
            let count = try sentinelCount()
            let sentinels = (0..<count).map { TokenStatement("<extra_id_\($0)>") }
            guard let named = stated.additional else { return sentinels }
            let namedCount = named.count { $0.content.utf8.starts(with: "<extra_id_".utf8) }
            guard namedCount > 0 else { return named + sentinels }
            guard count == 0 || count == namedCount else {
                throw .conflict(
                    folder: config.folder, field: "the number of sentinels", first: "extra_ids (\(count))",
                    second: "additional_special_tokens (\(namedCount))")
            }
            return named
        default: return stated.additional ?? []
        }
    }

    /// How many sentinels, `<extra_id_0>` and on, a T5 vocabulary has after the pieces.
    func sentinelCount() throws(TokenizerError) -> Int {
        config.config["extra_ids"] == nil ? 100 : try config.config.count("extra_ids")
    }

    /// Adds what the files and the class say to the tokens that the vocabulary's own file adds.
    func complete(_ list: inout AddedTokenList) throws(TokenizerError) {
        var roles: [TokenStatement] = []
        for role in [
            TokenizerConfig.Role.beginning, .end, .unknown, .separator, .padding, .classification, .mask,
        ] {
            guard let token = token(of: role) else { continue }
            if family.hasWholeVocabulary, !list.knows(token.content),
                !stated.numbered.contains(where: { $0.token.content.isExactly(token.content) })
            {
                // transformers would give it an id for which the model has no embedding.
                guard stated.byRole[role] == nil else {
                    throw .missingToken(file: file, token: token.content, role: role.rawValue)
                }
                continue
            }
            roles.append(token)
        }
        var special: [TokenStatement] = []
        for token in roles + (try additionalTokens())
        where !special.contains(where: { $0.content.isExactly(token.content) }) {
            special.append(token)
        }
        var adding = stated.numbered.map(\.token)
        for token in special {
            let isThere =
                list.contains(token.content) || stated.numbered.contains { $0.token.content.isExactly(token.content) }
            if token.hasFlags || !isThere { adding.append(token) }
        }
        for index in adding.indices where special.contains(where: { $0.content.isExactly(adding[index].content) }) {
            adding[index].isSpecial = true
        }
        list.add(adding)
        for (id, statement) in stated.numbered {
            guard let found = list.tokens.first(where: { $0.content.isExactly(statement.content) }), found.id != id
            else { continue }
            throw .wrongID(
                file: stated.numberingFile, token: statement.content, found: Int(id), expected: Int(found.id))
        }
    }

    /// The id of a token that the post-processor puts around a text.
    func id(
        of token: String, _ role: TokenizerConfig.Role, _ list: AddedTokenList, _ vocabulary: Vocabulary
    ) throws(TokenizerError) -> Int32 {
        let added = list.tokens.first { $0.content.isExactly(token) }?.id
        guard let id = added ?? vocabulary.id(of: token) else {
            throw .missingToken(file: file, token: token, role: role.rawValue)
        }
        return id
    }

    // MARK: All together

    /// Puts a model and the family's stages together.
    func tokenizer(
        _ model: any SubwordModel, _ list: AddedTokenList, charactersMap: [UInt8] = []
    ) throws(TokenizerError) -> TokenizerFile {
        var list = list
        try complete(&list)
        var fields: [JSONValue.Field] = [
            .init(name: "added_tokens", value: .array(list.tokens.map(\.json))),
            .init(name: "pre_tokenizer", value: try preTokenizer()),
            .init(name: "post_processor", value: try postProcessor(list, model.vocabulary)),
        ]
        if let normalizer = try normalizer(charactersMap) {
            fields.append(.init(name: "normalizer", value: normalizer))
        }
        return try TokenizerFile(JSONObject(fields: fields, file: file, path: ""), model: model)
    }
}

extension AddedToken {
    /// The token as tokenizer.json has it.
    fileprivate var json: JSONValue {
        .object([
            .init(name: "id", value: .integer(Int(id))), .init(name: "content", value: .string(content)),
            .init(name: "single_word", value: .boolean(isSingleWord)),
            .init(name: "lstrip", value: .boolean(stripsLeft)),
            .init(name: "rstrip", value: .boolean(stripsRight)),
            .init(name: "normalized", value: .boolean(isNormalized)),
            .init(name: "special", value: .boolean(isSpecial)),
        ])
    }
}
