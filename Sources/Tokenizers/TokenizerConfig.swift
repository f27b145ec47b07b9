/// What the small files beside a vocabulary say: tokenizer_config.json, special_tokens_map.json and
/// sentence_bert_config.json, each of which may be missing.
struct TokenizerConfig {
    /// The roles, named as in the files.
    enum Role: String, CaseIterable {
        case unknown = "unk_token"
        case classification = "cls_token"
        case separator = "sep_token"
        case padding = "pad_token"
        case mask = "mask_token"
        case beginning = "bos_token"
        case end = "eos_token"

        /// What BERT calls it, then what others do.
        var usual: [String] {
            switch self {
            case .unknown: ["[UNK]", "<unk>"]
            case .classification: ["[CLS]", "<s>"]
            case .separator: ["[SEP]", "</s>"]
            case .padding: ["[PAD]", "<pad>"]
            case .mask: ["[MASK]", "<mask>"]
            case .beginning: ["<s>"]
            case .end: ["</s>"]
            }
        }
    }

    static let configName = "tokenizer_config.json"
    static let mapName = "special_tokens_map.json"
    static let sentenceName = "sentence_bert_config.json"

    /// The folder, for errors.
    let folder: String
    /// tokenizer_config.json, empty where there is none.
    let config: JSONObject
    /// special_tokens_map.json, empty where there is none.
    let map: JSONObject
    /// The texts of the special tokens the files name.
    private let named: [Role: String]
    let modelMaximum: Int?
    let sentenceMaximum: Int?

    init(folder: String, read: (String) throws(TokenizerError) -> [UInt8]?) throws(TokenizerError) {
        func object(_ name: String) throws(TokenizerError) -> JSONObject {
            let file = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
            guard let bytes = try read(name) else { return JSONObject(fields: [], file: file, path: "") }
            var reader = try JSONReader(bytes, file: file)
            return try JSONObject(try reader.document(), file: file, path: "")
        }
        self.folder = folder
        config = try object(Self.configName)
        map = try object(Self.mapName)
        var named: [Role: String] = [:]
        for role in Role.allCases {
            let texts = [try Self.text(role.rawValue, config), try Self.text(role.rawValue, map)]
            if let first = texts[0], let second = texts[1], !first.isExactly(second) {
                throw .conflict(
                    folder: folder, field: role.rawValue, first: "\(Self.configName) (“\(first)”)",
                    second: "\(Self.mapName) (“\(second)”)")
            }
            named[role] = texts[0] ?? texts[1]
        }
        self.named = named
        // 10³⁰ is what transformers writes for “no limit”.
        switch config["model_max_length"] {
        case nil, .number(1e9...): modelMaximum = nil
        default:
            let maximum = try config.count("model_max_length")
            modelMaximum = maximum >= 1_000_000_000 ? nil : maximum
        }
        let sentence = try object(Self.sentenceName)
        sentenceMaximum = sentence["max_seq_length"] == nil ? nil : try sentence.count("max_seq_length")
    }

    /// The token of a role, nil where no file names it.
    func name(of role: Role) -> String? { named[role] }

    private static func text(_ name: String, _ object: JSONObject) throws(TokenizerError) -> String? {
        guard let value = object[name] else { return nil }
        guard let text = text(value) else { throw object.unexpected(name, "a token, or an object with its content") }
        return text
    }

    /// A token is written as a string, or as an object with its content and how it is found.
    private static func text(_ value: JSONValue) -> String? {
        switch value {
        case .string(let text): return text
        case .object(let fields):
            guard case .string(let text)? = fields.first(where: { $0.name == "content" })?.value else { return nil }
            return text
        default: return nil
        }
    }
}

extension TokenizerConfig {
    /// Whether the class of transformers the folder was written by is BERT's or none is named.
    private func isBert() throws(TokenizerError) -> Bool {
        try config.optionalString("tokenizer_class").map { TokenizerFamily(className: $0) == .bert } ?? true
    }

    /// BERT's normalizer as tokenizer_config.json sets it.
    func bertNormalizer() throws(TokenizerError) -> BertNormalizer {
        let lowercases = try config.optionalFlag("do_lower_case") ?? true
        return BertNormalizer(
            cleansText: true, separatesChinese: try config.optionalFlag("tokenize_chinese_chars") ?? true,
            stripsAccents: try config.optionalFlag("strip_accents") ?? lowercases, lowercases: lowercases)
    }

    /// Refuses what BERT's tokenizer could be told here and Graft's cannot.
    func checkBert() throws(TokenizerError) {
        guard try config.optionalFlag("do_basic_tokenize") ?? true else {
            throw config.unexpected("do_basic_tokenize", "true")
        }
        if config["never_split"] != nil, try !config.array("never_split").isEmpty {
            throw config.unexpected("never_split", "null or empty; save the tokenizer as tokenizer.json")
        }
    }

    /// Refuses settings that say otherwise than tokenizer.json. transformers would follow these, the tokenizers library
    /// the other file.
    func checkAgreement(with normalizer: Normalizer?) throws(TokenizerError) {
        guard case .bert(let found)? = normalizer, try isBert() else { return }
        let stated = try bertNormalizer()
        for (field, isEqual) in [
            ("do_lower_case", stated.lowercases == found.lowercases),
            ("tokenize_chinese_chars", stated.separatesChinese == found.separatesChinese),
            ("strip_accents", stated.stripsAccents == found.stripsAccents),
        ] where config.has(field) && !isEqual {
            throw .conflict(
                folder: folder, field: field, first: Self.configName, second: "the normalizer of tokenizer.json")
        }
    }
}
