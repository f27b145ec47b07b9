#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The stages around the model, as tokenizer.json would say them.
extension FamilyFiles {
    // MARK: Normalizers

    /// - Parameter charactersMap: of the SentencePiece file; empty where it has none.
    func normalizer(_ charactersMap: [UInt8]) throws(TokenizerError) -> JSONValue? {
        var stages: [JSONValue] = []
        if !charactersMap.isEmpty {
            let map = Data(charactersMap).base64EncodedString()
            stages.append(.component("Precompiled", ["precompiled_charsmap": .string(map)]))
        }
        switch family {
        case .bert, .mpnet:
            try config.checkBert()
            let normalizer = try config.bertNormalizer()
            return .component(
                "BertNormalizer",
                [
                    "clean_text": .boolean(normalizer.cleansText),
                    "handle_chinese_chars": .boolean(normalizer.separatesChinese),
                    "strip_accents": .boolean(normalizer.stripsAccents), "lowercase": .boolean(normalizer.lowercases),
                ])
        case .roberta: return nil
        case .xlmRoberta, .camembert, .t5:
            stages.append(.component("Strip", ["strip_left": .boolean(false), "strip_right": .boolean(true)]))
            stages.append(.replacement(expression: " {2,}", by: "▁"))
        case .debertaV2:
            stages.insert(.component("Strip", ["strip_left": .boolean(true), "strip_right": .boolean(true)]), at: 0)
            if try config.config.optionalFlag("do_lower_case") ?? false {
                stages.insert(.component("Lowercase", [:]), at: 0)
            }
            stages.append(.replacement(expression: " {2,}", by: " "))
        case .albert:
            var first: [JSONValue] = ["``", "''"].map { .replacement(text: $0, by: "\"") }
            if try !(config.config.optionalFlag("keep_accents") ?? false) {
                first += [.component("NFKD", [:]), .component("StripAccents", [:])]
            }
            if try config.config.optionalFlag("do_lower_case") ?? true { first.append(.component("Lowercase", [:])) }
            stages = first + stages + [.replacement(expression: " {2,}", by: " ")]
        }
        return .component("Sequence", ["normalizers": .array(stages)])
    }

    // MARK: Pre-tokenizers

    func preTokenizer() throws(TokenizerError) -> JSONValue {
        let config = config.config
        switch family {
        case .bert, .mpnet: return .component("BertPreTokenizer", [:])
        case .roberta:
            return .component(
                "ByteLevel",
                ["add_prefix_space": .boolean(try addsPrefixSpace(usually: false)), "trim_offsets": .boolean(true)])
        case .t5:
            guard try addsPrefixSpace(usually: true) else { return .metaspace("never") }
            return .metaspace(try config.optionalFlag("legacy") ?? true ? "always" : "first")
        case .debertaV2 where try config.optionalFlag("split_by_punct") ?? false:
            return .component(
                "Sequence",
                [
                    "pretokenizers": .array([
                        .component("Punctuation", ["behavior": .string("Isolated")]), .metaspace("always"),
                    ])
                ])
        default: return .metaspace("always")
        }
    }

    private func addsPrefixSpace(usually: Bool) throws(TokenizerError) -> Bool {
        // null is what transformers takes for false.
        guard config.config.has("add_prefix_space") else { return usually }
        return try config.config.optionalFlag("add_prefix_space") ?? false
    }

    // MARK: Post-processors

    func postProcessor(_ list: AddedTokenList, _ vocabulary: Vocabulary) throws(TokenizerError) -> JSONValue {
        var (first, last) = ("<s>", "</s>")
        switch family {
        case .bert, .mpnet, .roberta:
            guard let classification = token(of: .classification), let separator = token(of: .separator) else {
                throw .missingField(file: config.config.file, field: "cls_token and sep_token")
            }
            (first, last) = (classification.content, separator.content)
        case .debertaV2, .albert: (first, last) = ("[CLS]", "[SEP]")
        case .xlmRoberta, .camembert, .t5: break
        }
        let lastID = try id(of: last, .separator, list, vocabulary)
        let text = { (name: String, segment: Int) in JSONValue.piece("Sequence", name, segment) }
        let token = { (name: String, segment: Int) in JSONValue.piece("SpecialToken", name, segment) }
        if family == .t5 {
            return .template(
                single: [text("A", 0), token(last, 0)],
                pair: [text("A", 0), token(last, 0), text("B", 0), token(last, 0)], [(last, lastID)])
        }
        let firstID = try id(of: first, .classification, list, vocabulary)
        if family == .roberta {
            return .component(
                "RobertaProcessing",
                [
                    "sep": .array([.string(last), .integer(Int(lastID))]),
                    "cls": .array([.string(first), .integer(Int(firstID))]),
                    "trim_offsets": .boolean(try config.config.optionalFlag("trim_offsets") ?? true),
                    "add_prefix_space": .boolean(try addsPrefixSpace(usually: false)),
                ])
        }
        let single = [token(first, 0), text("A", 0), token(last, 0)]
        let second =
            switch family {
            case .mpnet: [token(last, 0), text("B", 1), token(last, 1)]
            case .xlmRoberta, .camembert: [token(last, 0), text("B", 0), token(last, 0)]
            default: [text("B", 1), token(last, 1)]
            }
        let tokens = first.isExactly(last) ? [(first, firstID)] : [(first, firstID), (last, lastID)]
        return .template(single: single, pair: single + second, tokens)
    }
}

extension JSONValue {
    /// A component of tokenizer.json.
    fileprivate static func component(_ type: String, _ fields: [String: JSONValue]) -> JSONValue {
        .object([Field(name: "type", value: .string(type))] + fields.map { Field(name: $0.key, value: $0.value) })
    }

    fileprivate static func replacement(expression: String, by content: String) -> JSONValue {
        let pattern = [Field(name: "Regex", value: .string(expression))]
        return .component("Replace", ["pattern": .object(pattern), "content": .string(content)])
    }

    fileprivate static func replacement(text: String, by content: String) -> JSONValue {
        let pattern = [Field(name: "String", value: .string(text))]
        return .component("Replace", ["pattern": .object(pattern), "content": .string(content)])
    }

    fileprivate static func metaspace(_ scheme: String) -> JSONValue {
        .component(
            "Metaspace",
            ["replacement": .string("▁"), "prepend_scheme": .string(scheme), "split": .boolean(true)])
    }

    fileprivate static func piece(_ kind: String, _ name: String, _ segment: Int) -> JSONValue {
        .object([
            Field(
                name: kind,
                value: .object([
                    Field(name: "id", value: .string(name)), Field(name: "type_id", value: .integer(segment)),
                ]))
        ])
    }

    fileprivate static func template(
        single: [JSONValue], pair: [JSONValue], _ tokens: [(text: String, id: Int32)]
    ) -> JSONValue {
        let special = tokens.map { token in
            Field(
                name: token.text,
                value: .object([
                    Field(name: "id", value: .string(token.text)),
                    Field(name: "ids", value: .array([.integer(Int(token.id))])),
                    Field(name: "tokens", value: .array([.string(token.text)])),
                ]))
        }
        return .component(
            "TemplateProcessing", ["single": .array(single), "pair": .array(pair), "special_tokens": .object(special)])
    }
}
