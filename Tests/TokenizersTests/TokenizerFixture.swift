import Foundation
import Testing
import Tokenizers

/// Fixtures of this target, and folders made of them.
enum TokenizerFixture {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/tokenizers")

    /// A JSON fixture.
    static func object(_ name: String) throws -> [String: Any] {
        let data = try Data(contentsOf: folder.appending(path: name))
        return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// Loads a tokenizer from files in a folder that is gone afterwards.
    static func load(_ files: [String: String]) throws -> any Tokenizer {
        try load(files.mapValues { Array($0.utf8) })
    }

    static func load(_ files: [String: [UInt8]]) throws -> any Tokenizer {
        let folder = FileManager.default.temporaryDirectory.appending(path: "graft-tokenizer-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, bytes) in files { try Data(bytes).write(to: folder.appending(path: name)) }
        return try TokenizerFolder.load(from: folder)
    }

    /// Why a tokenizer made of these files is refused.
    static func refusal(_ files: [String: String]) throws -> TokenizerError {
        try refusal(files.mapValues { Array($0.utf8) })
    }

    static func refusal(_ files: [String: [UInt8]]) throws -> TokenizerError {
        try #require(throws: TokenizerError.self) { _ = try load(files) }
    }

    /// The text of a JSON value.
    static func text(_ value: Any) throws -> String {
        String(
            decoding: try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed]),
            as: UTF8.self)
    }

    /// tokenizer.json as BERT's, with a vocabulary of few tokens, after some changes.
    static func bert(
        vocabulary: [String] = [
            "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "un", "##able", "##s", "a", "##b",
        ],
        _ change: (inout [String: Any]) throws -> Void = { _ in }
    ) throws -> String {
        let ids = Dictionary(uniqueKeysWithValues: vocabulary.enumerated().map { ($1, $0) })
        func added(_ token: String) -> [String: Any] {
            [
                "id": ids[token] ?? -1, "content": token, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true,
            ]
        }
        func special(_ token: String, _ segment: Int = 0) -> [String: Any] {
            ["SpecialToken": ["id": token, "type_id": segment]]
        }
        func sequence(_ name: String, _ segment: Int) -> [String: Any] {
            ["Sequence": ["id": name, "type_id": segment]]
        }
        let single = [special("[CLS]"), sequence("A", 0), special("[SEP]")]
        func tokens(_ token: String) -> [String: Any] { ["id": token, "ids": [ids[token] ?? -1], "tokens": [token]] }
        var document: [String: Any] = [
            "version": "1.0", "truncation": NSNull(), "padding": NSNull(),
            "added_tokens": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].filter { ids[$0] != nil }.map(added),
            "normalizer": [
                "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": NSNull(), "lowercase": true,
            ] as [String: Any],
            "pre_tokenizer": ["type": "BertPreTokenizer"],
            "post_processor": [
                "type": "TemplateProcessing", "single": single,
                "pair": single + [sequence("B", 1), special("[SEP]", 1)],
                "special_tokens": ["[CLS]": tokens("[CLS]"), "[SEP]": tokens("[SEP]")],
            ] as [String: Any],
            "decoder": ["type": "WordPiece", "prefix": "##", "cleanup": true] as [String: Any],
            "model": [
                "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100, "vocab": ids,
            ] as [String: Any],
        ]
        try change(&document)
        return try text(document)
    }
}

extension [String: Any] {
    /// Changes an object inside an object.
    mutating func change(_ name: String, _ body: (inout [String: Any]) -> Void) {
        var inner = self[name] as? [String: Any] ?? [:]
        body(&inner)
        self[name] = inner
    }
}
