/// A token as a file states it: its text, or its text and how it is found.
struct TokenStatement: Equatable, Sendable {
    var content: String
    /// Whether the file says how the token is found.
    private(set) var hasFlags = false
    var isSingleWord = false
    var stripsLeft = false
    var stripsRight = false
    var isNormalized = false
    var isSpecial = false

    /// A token of which only the text is known.
    init(_ content: String) { self.content = content }

    /// Reads a token that stands as its text, or as an object; nil where it is neither.
    ///
    /// - Parameter isSpecial: whether it is special even where the object does not say so.
    init?(_ value: JSONValue, isSpecial: Bool = false) {
        func flag(_ name: String, _ fields: [JSONValue.Field]) -> Bool? {
            guard case .boolean(let flag)? = fields.first(where: { $0.name == name })?.value else { return nil }
            return flag
        }
        switch value {
        case .string(let text): self.init(text)
        case .object(let fields):
            guard case .string(let text)? = fields.first(where: { $0.name == "content" })?.value else { return nil }
            self.init(text)
            isSingleWord = flag("single_word", fields) ?? false
            stripsRight = flag("rstrip", fields) ?? false
            let isSpecial = isSpecial || flag("special", fields) ?? false
            setFlags(
                stripsLeft: flag("lstrip", fields) ?? false, isNormalized: flag("normalized", fields) ?? !isSpecial,
                isSpecial: isSpecial)
        default: return nil
        }
    }

    /// Says how the token is found.
    mutating func setFlags(stripsLeft: Bool = false, isNormalized: Bool, isSpecial: Bool = false) {
        hasFlags = true
        self.stripsLeft = stripsLeft
        self.isNormalized = isNormalized
        self.isSpecial = isSpecial
    }

    /// The added token, with an id.
    func token(id: Int32) -> AddedToken {
        AddedToken(
            content: content, id: id, isSingleWord: isSingleWord, stripsLeft: stripsLeft, stripsRight: stripsRight,
            isNormalized: isNormalized, isSpecial: isSpecial)
    }
}

extension TokenizerConfig {
    /// What the files say of tokens, as transformers puts it together.
    ///
    /// - If tokenizer_config.json has `added_tokens_decoder`, all else that it says of a token's flags counts for less,
    ///   and special_tokens_map.json is not read.
    /// - Else special_tokens_map.json comes before tokenizer_config.json, and added_tokens.json adds tokens.
    struct StatedTokens {
        /// Tokens with the ids they should have, by id.
        var numbered: [(id: Int32, token: TokenStatement)] = []
        /// The file that numbers them, for errors.
        var numberingFile = ""
        var byRole: [Role: TokenStatement] = [:]
        /// `additional_special_tokens`; nil where no file has them.
        var additional: [TokenStatement]?
    }

    /// - Parameter added: the content of added_tokens.json, if there is one.
    func statedTokens(_ added: JSONObject?) throws(TokenizerError) -> StatedTokens {
        var stated = StatedTokens()
        let hasDecoder = config["added_tokens_decoder"] != nil
        let sources = hasDecoder ? [config] : [config, map]
        for source in sources {
            for role in Role.allCases {
                guard let value = source[role.rawValue] else { continue }
                let isOfMap = source.file == map.file
                guard let token = TokenStatement(value, isSpecial: isOfMap) else {
                    throw source.unexpected(role.rawValue, "a token, or an object with its content")
                }
                stated.byRole[role] = token
            }
            guard source["additional_special_tokens"] != nil else { continue }
            for value in try source.array("additional_special_tokens") {
                guard let token = TokenStatement(value, isSpecial: source.file == map.file) else {
                    throw source.unexpected("additional_special_tokens", "an array of tokens")
                }
                if stated.additional?.contains(token) != true {
                    stated.additional = (stated.additional ?? []) + [token]
                }
            }
        }
        if hasDecoder {
            let decoder = try config.object("added_tokens_decoder")
            stated.numberingFile = decoder.file
            for name in decoder.names {
                guard let id = Int32(name), id >= 0 else {
                    throw .unknownField(file: decoder.file, field: decoder.path(of: name))
                }
                guard let value = decoder[name], let token = TokenStatement(value), token.hasFlags else {
                    throw decoder.unexpected(name, "an object with the content of a token")
                }
                stated.numbered.append((id, token))
                for (role, stated_) in stated.byRole where stated_.content.isExactly(token.content) {
                    stated.byRole[role] = token
                }
            }
        } else if let added {
            stated.numberingFile = added.file
            let special = stated.byRole.values.map(\.content) + (stated.additional ?? []).map(\.content)
            for name in added.names {
                var token = TokenStatement(name)
                let isSpecial = special.contains { $0.isExactly(name) }
                token.setFlags(isNormalized: !isSpecial, isSpecial: isSpecial)
                stated.numbered.append((try added.id(name), token))
            }
        }
        stated.numbered.sort { $0.id < $1.id }
        return stated
    }
}
