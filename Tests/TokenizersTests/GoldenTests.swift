import Foundation
import Testing
import Tokenizers

@Suite struct GoldenTests {
    @Test func `vocab.txt gives the tokens of Hugging Face`() throws {
        let tokenizer = try TokenizerFolder.load(from: TokenizerFixture.folder.appending(path: "bert"))
        let cases = try GoldenCase.all(TokenizerFixture.object("bert.json"))
        #expect(cases.count > 300)
        for golden in cases { #expect(try golden.found(by: tokenizer) == golden.expected, "\(golden.texts)") }
    }

    @Test func `tokenizer.json gives what vocab.txt gives`() throws {
        let folder = TokenizerFixture.folder.appending(path: "bert")
        let lines = try String(contentsOf: folder.appending(path: "vocab.txt"), encoding: .utf8).split(separator: "\n")
        let file = try TokenizerFixture.bert(vocabulary: lines.map(String.init))
        let tokenizer = try TokenizerFixture.load(["tokenizer.json": file])
        #expect(tokenizer.vocabularySize == 30522)
        for golden in try GoldenCase.all(TokenizerFixture.object("bert.json")) {
            #expect(try golden.found(by: tokenizer) == golden.expected, "\(golden.texts)")
        }
    }

    @Test func `each kind of stage gives the tokens of Hugging Face`() throws {
        let fixture = try TokenizerFixture.object("stages.json")
        let stages = try #require(fixture["tokenizers"] as? [[String: Any]])
        #expect(stages.count > 40)
        let model = try Self.model(try #require(fixture["model"] as? [String: Any]))
        for stage in stages {
            var document = try #require(stage["tokenizer"] as? [String: Any])
            document["model"] = ["vocab": "VOCABULARY"]
            let file = try TokenizerFixture.text(document).replacing(#"{"vocab":"VOCABULARY"}"#, with: model)
            let tokenizer = try TokenizerFixture.load(["tokenizer.json": file])
            for golden in try GoldenCase.all(stage) {
                let name = stage["name"] as? String ?? ""
                #expect(try golden.found(by: tokenizer) == golden.expected, "\(name): \(golden.texts)")
            }
        }
    }

    /// The text of a model whose vocabulary is an array. A dictionary of Swift would hold “é” and “é” as one.
    private static func model(_ json: [String: Any]) throws -> String {
        let tokens = try #require(json["vocab"] as? [String])
        let entries = try tokens.enumerated().map { "\(try TokenizerFixture.text($1)):\($0)" }
        var json = json
        json["vocab"] = "VOCABULARY"
        return try TokenizerFixture.text(json)
            .replacing("\"VOCABULARY\"", with: "{\(entries.joined(separator: ","))}")
    }

    @Test func `several threads get the same tokens at once`() async throws {
        let tokenizer = try TokenizerFolder.load(from: TokenizerFixture.folder.appending(path: "bert"))
        let cases = try GoldenCase.all(TokenizerFixture.object("bert.json"))
            .filter { !$0.isSplit && $0.texts.count == 1 && $0.truncation == nil }
        let texts = cases.map { $0.texts[0] }
        let expected = cases.map(\.expected)
        try await withThrowingTaskGroup(of: [TokenizedText].self) { group in
            for _ in 0..<8 {
                group.addTask {
                    try texts.map { try tokenizer.tokenize($0, pairedWith: nil, truncation: nil) }
                }
            }
            for try await found in group { #expect(found == expected) }
        }
    }
}
