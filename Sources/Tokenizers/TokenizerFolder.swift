#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The tokenizer files of a model folder.
public enum TokenizerFolder {
    static let tokenizerName = "tokenizer.json"

    /// Loads the tokenizer of a model folder: tokenizer.json if it is there, else the older files of its family
    /// (vocab.txt; vocab.json and merges.txt; a SentencePiece model), as transformers converts them.
    ///
    /// Beside either are read, where they are there, tokenizer_config.json, special_tokens_map.json and
    /// sentence_bert_config.json; beside the older files added_tokens.json too, and config.json where
    /// tokenizer_config.json does not name the class.
    ///
    /// - Parameter lowercasing: whether texts are lowercased before anything else, as sentence-transformers does where its
    ///   `do_lower_case` says so.
    /// - Throws: what is missing, broken, contradictory, or not supported, by name.
    public static func load(from folder: URL, lowercasing: Bool = false) throws(TokenizerError) -> any Tokenizer {
        let path = folder.path(percentEncoded: false)
        let config = try TokenizerConfig(folder: path) { name throws(TokenizerError) in try read(name, in: folder) }
        let file: TokenizerFile
        if let bytes = try read(tokenizerName, in: folder) {
            file = try TokenizerFile(bytes, file: self.path(tokenizerName, in: folder))
            try config.checkAgreement(with: file.normalizer)
        } else {
            file = try olderFiles(of: try family(folder, config), in: folder, config)
        }
        return try TokenizerPipeline(file, config, lowercasing: lowercasing)
    }

    /// The family of a folder without tokenizer.json: by the class that wrote it, else by the model's type; where no
    /// file says either, vocab.txt is BERT's.
    private static func family(_ folder: URL, _ config: TokenizerConfig) throws(TokenizerError) -> TokenizerFamily {
        let model = try object("config.json", in: folder)
        for source in [config.config, model] {
            guard let name = try source?.optionalString("tokenizer_class") else { continue }
            guard let family = TokenizerFamily(className: name) else {
                throw .unsupportedComponent(
                    file: source?.file ?? "", stage: "tokenizer_class without tokenizer.json", found: name,
                    supported: TokenizerFamily.allClasses)
            }
            return family
        }
        if let model, let type = try model.optionalString("model_type") {
            guard let family = TokenizerFamily(modelType: type) else {
                throw .unsupportedComponent(
                    file: model.file, stage: "model_type without tokenizer.json", found: type,
                    supported: TokenizerFamily.allModelTypes)
            }
            return family
        }
        let expected = [tokenizerName, TokenizerFamily.bert.vocabularyName]
        guard exists(TokenizerFamily.bert.vocabularyName, in: folder) else {
            throw .missingFiles(folder: folder.path(percentEncoded: false), expected: expected)
        }
        return .bert
    }

    private static func olderFiles(
        of family: TokenizerFamily, in folder: URL, _ config: TokenizerConfig
    ) throws(TokenizerError) -> TokenizerFile {
        let name = family.vocabularyName
        guard let bytes = try read(name, in: folder) else {
            throw .missingFiles(folder: folder.path(percentEncoded: false), expected: [tokenizerName, name])
        }
        let file = path(name, in: folder)
        let files = try FamilyFiles(family, file: file, config, added: try object("added_tokens.json", in: folder))
        switch family {
        case .bert, .mpnet: return try files.tokenizer(vocabularyLines: bytes)
        case .roberta:
            guard let merges = try read("merges.txt", in: folder) else {
                throw .missingFiles(folder: folder.path(percentEncoded: false), expected: ["merges.txt"])
            }
            return try files.tokenizer(
                vocabulary: bytes, merges: try MergeList(lines: merges, file: path("merges.txt", in: folder)))
        case .xlmRoberta, .camembert, .debertaV2, .albert, .t5:
            return try files.tokenizer(try SentencePieceModel(bytes, file: file))
        }
    }

    private static func path(_ name: String, in folder: URL) -> String {
        folder.appending(path: name).path(percentEncoded: false)
    }

    private static func exists(_ name: String, in folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: path(name, in: folder))
    }

    /// A JSON file, nil where there is none.
    private static func object(_ name: String, in folder: URL) throws(TokenizerError) -> JSONObject? {
        guard let bytes = try read(name, in: folder) else { return nil }
        var reader = try JSONReader(bytes, file: path(name, in: folder))
        return try JSONObject(try reader.document(), file: path(name, in: folder), path: "")
    }

    /// The bytes of a file, nil where there is none.
    private static func read(_ name: String, in folder: URL) throws(TokenizerError) -> [UInt8]? {
        guard exists(name, in: folder) else { return nil }
        let path = self.path(name, in: folder)
        do { return [UInt8](try Data(contentsOf: folder.appending(path: name))) } catch {
            throw .unreadableFile(file: path, reason: "\(error)")
        }
    }
}

extension TokenizerPipeline {
    init(_ file: TokenizerFile, _ config: TokenizerConfig, lowercasing: Bool) throws(TokenizerError) {
        let vocabulary = file.model.vocabulary
        func id(_ role: TokenizerConfig.Role) throws(TokenizerError) -> Int32? {
            guard let named = config.name(of: role) else {
                return role.usual.lazy.compactMap { vocabulary.id(of: $0) ?? file.addedTokens.id(of: $0) }.first
            }
            guard let id = vocabulary.id(of: named) ?? file.addedTokens.id(of: named) else {
                throw .missingToken(file: file.file, token: named, role: role.rawValue)
            }
            return id
        }
        if let named = config.name(of: .unknown), let unknown = file.model.unknown.flatMap(vocabulary.token(of:)),
            !named.isExactly(unknown)
        {
            throw .conflict(
                folder: config.folder, field: "unk_token", first: "\(file.file) (“\(unknown)”)",
                second: "the files beside it (“\(named)”)")
        }
        let namedUnknown = try id(.unknown)
        self.init(
            normalizer: lowercasing ? Normalizer.lowercasing(before: file.normalizer) : file.normalizer,
            preTokenizer: file.preTokenizer, model: file.model,
            postProcessor: file.postProcessor, addedTokens: file.addedTokens,
            specialTokens: SpecialTokens(
                unknown: file.model.unknown ?? namedUnknown, classification: try id(.classification),
                separator: try id(.separator), padding: try id(.padding) ?? file.padding, mask: try id(.mask)),
            statedLimits: StatedLimits(
                sentenceTransformers: config.sentenceMaximum, tokenizerConfig: config.modelMaximum,
                truncation: file.truncation))
    }
}

extension Normalizer {
    /// `normalizer` with lowercasing before it. BERT's, where it lowercases itself, comes to the same.
    fileprivate static func lowercasing(before normalizer: Normalizer?) -> Normalizer {
        switch normalizer {
        case nil: .lowercase
        case .bert(let bert)? where bert.lowercases: .bert(bert)
        case .lowercase?: .lowercase
        case .sequence(let stages)? where stages.contains(.lowercase): .sequence(stages)
        case .sequence(let stages)?: .sequence([.lowercase] + stages)
        case let other?: .sequence([.lowercase, other])
        }
    }
}
