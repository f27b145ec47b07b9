#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The tokenizer files of a model folder.
public enum TokenizerFolder {
    static let tokenizerName = "tokenizer.json"
    static let vocabularyName = "vocab.txt"

    /// Loads the tokenizer of a model folder: tokenizer.json if it is there, else vocab.txt.
    ///
    /// Beside either are read, where they are there, tokenizer_config.json, special_tokens_map.json and
    /// sentence_bert_config.json.
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
        } else if let bytes = try read(vocabularyName, in: folder) {
            if try read("added_tokens.json", in: folder) != nil {
                throw .unsupportedComponent(
                    file: self.path("added_tokens.json", in: folder), stage: "list of added tokens",
                    found: "a file beside vocab.txt",
                    supported: ["the added tokens of tokenizer.json"])
            }
            file = try TokenizerFile(vocabulary: bytes, file: self.path(vocabularyName, in: folder), config)
        } else {
            throw .missingFiles(folder: path, expected: [tokenizerName, vocabularyName])
        }
        return try TokenizerPipeline(file, config, lowercasing: lowercasing)
    }

    private static func path(_ name: String, in folder: URL) -> String {
        folder.appending(path: name).path(percentEncoded: false)
    }

    /// The bytes of a file, nil where there is none.
    private static func read(_ name: String, in folder: URL) throws(TokenizerError) -> [UInt8]? {
        let path = self.path(name, in: folder)
        guard FileManager.default.fileExists(atPath: path) else { return nil }
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
