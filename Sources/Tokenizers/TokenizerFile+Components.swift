extension JSONObject {
    /// What the component is.
    fileprivate func type() throws(TokenizerError) -> String { try string("type") }

    fileprivate func unsupported(_ stage: String, _ supported: [String], found: String) -> TokenizerError {
        .unsupportedComponent(file: file, stage: "\(stage) at \(path)", found: found, supported: supported)
    }
}

extension Normalizer {
    /// Reads a normalizer of tokenizer.json.
    init(_ json: JSONObject) throws(TokenizerError) {
        let type = try json.type()
        switch type {
        case "BertNormalizer":
            try json.allow(only: ["type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"])
            let lowercases = try json.flag("lowercase")
            self = .bert(
                BertNormalizer(
                    cleansText: try json.flag("clean_text"), separatesChinese: try json.flag("handle_chinese_chars"),
                    stripsAccents: try json.optionalFlag("strip_accents") ?? lowercases, lowercases: lowercases))
        case "Lowercase":
            try json.allow(only: ["type"])
            self = .lowercase
        case "StripAccents":
            try json.allow(only: ["type"])
            self = .stripAccents
        case "Strip":
            try json.allow(only: ["type", "strip_left", "strip_right"])
            self = .strip(left: try json.flag("strip_left"), right: try json.flag("strip_right"))
        case "Replace":
            try json.allow(only: ["type", "pattern", "content"])
            self = .replace(
                try Pattern(json.object("pattern")), content: try json.string("content").unicodeScalars.map(\.value))
        case "Prepend":
            try json.allow(only: ["type", "prepend"])
            self = .prepend(try json.string("prepend").unicodeScalars.map(\.value))
        case "Nmt":
            try json.allow(only: ["type"])
            self = .machineTranslation
        case "Precompiled":
            try json.allow(only: ["type", "precompiled_charsmap"])
            guard let bytes = [UInt8](base64: try json.string("precompiled_charsmap")), let map = CharacterMap(bytes)
            else { throw json.unexpected("precompiled_charsmap", "the character map of SentencePiece in Base64") }
            self = .characterMap(map)
        case "Sequence":
            try json.allow(only: ["type", "normalizers"])
            var normalizers: [Normalizer] = []
            for normalizer in try json.objects("normalizers") { normalizers.append(try Normalizer(normalizer)) }
            self = .sequence(normalizers)
        default:
            guard let form = NormalizationForm(rawValue: type) else {
                let others = [
                    "BertNormalizer", "Lowercase", "StripAccents", "Strip", "Replace", "Prepend", "Nmt", "Precompiled",
                    "Sequence",
                ]
                throw json.unsupported("normalizer", others + NormalizationForm.allCases.map(\.rawValue), found: type)
            }
            try json.allow(only: ["type"])
            self = .form(form)
        }
    }
}

extension PreTokenizer {
    /// Reads a pre-tokenizer of tokenizer.json.
    init(_ json: JSONObject) throws(TokenizerError) {
        let type = try json.type()
        switch type {
        case "BertPreTokenizer": self = .bert
        case "Whitespace": self = .whitespace
        case "WhitespaceSplit": self = .whitespaceSplit
        case "Punctuation":
            try json.allow(only: ["type", "behavior"])
            self = .punctuation(json["behavior"] == nil ? .isolated : try Behavior(json))
            return
        case "Metaspace":
            self = .metaspace(try Metaspace(json))
            return
        case "Digits":
            try json.allow(only: ["type", "individual_digits"])
            self = .digits(each: try json.flag("individual_digits"))
            return
        case "Split":
            try json.allow(only: ["type", "pattern", "behavior", "invert"])
            self = .split(
                try Pattern(json.object("pattern")), try Behavior(json), isInverted: try json.flag("invert"))
            return
        case "ByteLevel":
            try json.allow(only: ["type", "add_prefix_space", "trim_offsets", "use_regex"])
            // What trims offsets is the post-processor, whatever is said of it here.
            _ = try json.flag("trim_offsets")
            self = .byteLevel(
                ByteLevel(
                    addsPrefixSpace: try json.flag("add_prefix_space"),
                    usesPattern: try json.optionalFlag("use_regex") ?? true))
            return
        case "Sequence":
            try json.allow(only: ["type", "pretokenizers"])
            var preTokenizers: [PreTokenizer] = []
            for preTokenizer in try json.objects("pretokenizers") {
                preTokenizers.append(try PreTokenizer(preTokenizer))
            }
            self = .sequence(preTokenizers)
            return
        default:
            let supported = [
                "BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Punctuation", "Metaspace", "Digits", "Split",
                "ByteLevel", "Sequence",
            ]
            throw json.unsupported("pre-tokenizer", supported, found: type)
        }
        try json.allow(only: ["type"])
    }
}

extension PreTokenizer.Behavior {
    fileprivate init(_ json: JSONObject) throws(TokenizerError) {
        guard let behavior = Self(rawValue: try json.string("behavior")) else {
            throw json.unexpected("behavior", Self.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self = behavior
    }
}

extension Metaspace {
    fileprivate init(_ json: JSONObject) throws(TokenizerError) {
        // Older files have add_prefix_space for the scheme, and str_rep, which repeats the replacement.
        try json.allow(only: ["type", "replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep"])
        let replacement = Array(try json.string("replacement").unicodeScalars)
        guard replacement.count == 1 else { throw json.unexpected("replacement", "one character") }
        let scheme = try json.optionalString("prepend_scheme") ?? Prepending.always.rawValue
        guard let prepending = Prepending(rawValue: scheme) else {
            throw json.unexpected("prepend_scheme", Prepending.allCases.map(\.rawValue).joined(separator: ", "))
        }
        if try json.optionalFlag("add_prefix_space") == false, prepending != .never {
            throw json.unexpected("add_prefix_space", "true, or prepend_scheme “never” beside it")
        }
        self.init(
            replacement: replacement[0].value, prepending: prepending, splits: try json.optionalFlag("split") ?? true)
    }
}

extension PostProcessor {
    /// Reads a post-processor of tokenizer.json; its special tokens must have the vocabulary's ids.
    init(_ json: JSONObject, idOf: (String) -> Int32?) throws(TokenizerError) {
        func check(_ token: String, _ id: Int32) throws(TokenizerError) {
            guard let expected = idOf(token) else {
                throw .missingToken(file: json.file, token: token, role: json.path)
            }
            guard id == expected else {
                throw .wrongID(file: json.file, token: token, found: Int(id), expected: Int(expected))
            }
        }
        func id(_ name: String) throws(TokenizerError) -> Int32 {
            let pair = try json.array(name)
            guard pair.count == 2, case .string(let token) = pair[0], case .integer(let number) = pair[1],
                let id = Int32(exactly: number)
            else { throw json.unexpected(name, "a token and its id") }
            try check(token, id)
            return id
        }
        let type = try json.type()
        switch type {
        case "BertProcessing":
            try json.allow(only: ["type", "sep", "cls"])
            self = .bert(classification: try id("cls"), separator: try id("sep"))
        case "RobertaProcessing":
            try json.allow(only: ["type", "sep", "cls", "trim_offsets", "add_prefix_space"])
            self = .roberta(classification: try id("cls"), separator: try id("sep"))
            if try json.flag("trim_offsets") {
                trimming = OffsetTrimming(addsPrefixSpace: try json.flag("add_prefix_space"))
            }
        case "ByteLevel":
            try json.allow(only: ["type", "add_prefix_space", "trim_offsets", "use_regex"])
            self = .none
            if try json.flag("trim_offsets") {
                trimming = OffsetTrimming(addsPrefixSpace: try json.flag("add_prefix_space"))
            }
        case "Sequence":
            try json.allow(only: ["type", "processors"])
            var whole = PostProcessor.none
            for processor in try json.objects("processors") {
                guard let longer = whole.followed(by: try PostProcessor(processor, idOf: idOf)) else {
                    throw json.unexpected("processors", "one that adds special tokens, and one that trims offsets")
                }
                whole = longer
            }
            self = whole
        case "TemplateProcessing":
            try json.allow(only: ["type", "single", "pair", "special_tokens"])
            var special: [(name: String, ids: [Int32])] = []
            let tokens = try json.object("special_tokens")
            for name in tokens.names {
                let token = try tokens.object(name)
                try token.allow(only: ["id", "ids", "tokens"])
                let (ids, texts) = (try token.array("ids"), try token.array("tokens"))
                guard ids.count == texts.count else { throw token.unexpected("ids", "one id a token") }
                var found: [Int32] = []
                for (id, text) in zip(ids, texts) {
                    guard case .integer(let number) = id, let id = Int32(exactly: number) else {
                        throw token.unexpected("ids", "ids")
                    }
                    guard case .string(let text) = text else { throw token.unexpected("tokens", "strings") }
                    try check(text, id)
                    found.append(id)
                }
                special.append((name, found))
            }
            self.init(
                single: try Self.pieces(json.objects("single"), special, texts: 1),
                pair: try Self.pieces(json.objects("pair"), special, texts: 2))
        default:
            let supported = ["TemplateProcessing", "BertProcessing", "RobertaProcessing", "ByteLevel", "Sequence"]
            throw json.unsupported("post-processor", supported, found: type)
        }
    }

    private static func pieces(
        _ template: [JSONObject], _ special: [(name: String, ids: [Int32])], texts: Int
    ) throws(TokenizerError) -> [Piece] {
        var pieces: [Piece] = []
        for entry in template {
            try entry.allow(only: ["SpecialToken", "Sequence"])
            if entry.has("SpecialToken") {
                let token = try entry.object("SpecialToken")
                try token.allow(only: ["id", "type_id"])
                let name = try token.string("id")
                guard let ids = special.first(where: { $0.name.isExactly(name) })?.ids else {
                    throw token.unexpected("id", "one of special_tokens")
                }
                pieces.append(.special(ids, segment: try token.id("type_id")))
            } else {
                let text = try entry.object("Sequence")
                try text.allow(only: ["id", "type_id"])
                let names = ["A", "B"].prefix(texts)
                guard let index = names.firstIndex(of: try text.string("id")) else {
                    throw text.unexpected("id", names.joined(separator: " or "))
                }
                pieces.append(.text(index, segment: try text.id("type_id")))
            }
        }
        return pieces
    }
}

extension Truncation {
    /// Reads the truncation of tokenizer.json. Its stride only says how far the parts that are cut off overlap.
    init(_ json: JSONObject) throws(TokenizerError) {
        try json.allow(only: ["direction", "max_length", "strategy", "stride"])
        let strategies: [String: Strategy] = [
            "LongestFirst": .longestFirst, "OnlyFirst": .onlyFirst, "OnlySecond": .onlySecond,
        ]
        guard let strategy = strategies[try json.string("strategy")] else {
            throw json.unexpected("strategy", strategies.keys.sorted().joined(separator: ", "))
        }
        let sides: [String: Side] = ["Left": .left, "Right": .right]
        guard let side = sides[try json.optionalString("direction") ?? "Right"] else {
            throw json.unexpected("direction", "Left or Right")
        }
        self.init(limit: try json.count("max_length"), strategy: strategy, side: side)
    }
}

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
