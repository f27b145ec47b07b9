import Foundation
import Testing
import Tokenizers

/// Unigram tokenizers against what Tests/Peers/make_tokenizer_piece_goldens.py wrote down of Hugging Face tokenizers.
@Suite struct PieceGoldenTests {
    static let families = [
        "XLM-RoBERTa", "XLM-RoBERTa, older", "CamemBERT", "ALBERT", "ALBERT, cased", "DeBERTa-v3",
        "DeBERTa-v3, by punctuation", "T5", "T5, older", "T5, not legacy",
    ]

    @Test func `each family that SentencePiece trained gives the tokens of Hugging Face`() throws {
        let fixture = try TokenizerFixture.object("pieces.json")
        let map = try #require(fixture["characterMap"] as? String)
        let tokenizers = try #require(fixture["tokenizers"] as? [[String: Any]])
        #expect(tokenizers.compactMap { $0["name"] as? String } == Self.families)
        for entry in tokenizers {
            let document = try TokenizerFixture.text(try #require(entry["tokenizer"]))
            try compare(entry, document.replacing("CHARACTER MAP", with: map))
        }
    }

    @Test func `each kind of stage around a Unigram model gives the tokens of Hugging Face`() throws {
        let fixture = try TokenizerFixture.object("piece-stages.json")
        let model = try TokenizerFixture.text(try #require(fixture["model"]))
        let tokenizers = try #require(fixture["tokenizers"] as? [[String: Any]])
        #expect(tokenizers.count > 70)
        for entry in tokenizers {
            let document = try TokenizerFixture.text(try #require(entry["tokenizer"]))
            try compare(entry, document.replacing("\"MODEL\"", with: model))
        }
    }

    /// tokenizer.json of a family, as the fixture has it.
    private func document(of family: String) throws -> String {
        let fixture = try TokenizerFixture.object("pieces.json")
        let map = try #require(fixture["characterMap"] as? String)
        let tokenizers = try #require(fixture["tokenizers"] as? [[String: Any]])
        let entry = try #require(tokenizers.first { $0["name"] as? String == family })
        return try TokenizerFixture.text(try #require(entry["tokenizer"])).replacing("CHARACTER MAP", with: map)
    }

    @Test func `several threads get the same tokens at once, known words and new ones`() async throws {
        let tokenizer = try TokenizerFixture.load(["tokenizer.json": try document(of: "T5")])
        let texts = try GoldenCase.all(TokenizerFixture.object("bert.json")).flatMap(\.texts)
        let expected = try texts.map { try tokenizer.tokenize($0, pairedWith: nil, truncation: nil) }
        try await withThrowingTaskGroup(of: [TokenizedText].self) { group in
            for _ in 0..<6 {
                group.addTask { try texts.map { try tokenizer.tokenize($0, pairedWith: nil, truncation: nil) } }
            }
            for try await found in group { #expect(found == expected) }
        }
    }

    @Test func `a long text without a space is one word`() throws {
        let tokenizer = try TokenizerFixture.load(["tokenizer.json": try document(of: "XLM-RoBERTa")])
        let text = String(repeating: "antidisestablishment中", count: 5000)
        let found = try tokenizer.tokenize(text, pairedWith: nil, truncation: nil)
        #expect(Set(found.words.compactMap { $0 }) == [0])
        // The offsets cover the text without gap.
        let offsets = found.offsets.dropFirst().dropLast()
        #expect(offsets.first?.lowerBound == 0)
        #expect(offsets.last?.upperBound == text.unicodeScalars.count)
        #expect(zip(offsets, offsets.dropFirst()).allSatisfy { $0.upperBound >= $1.lowerBound })
    }

    @Test func `a tokenizer.json with its character map or scores damaged is refused or works`() throws {
        let bytes = Array(try document(of: "XLM-RoBERTa").utf8)
        var state: UInt64 = 3
        var refused = 0
        for _ in 0..<150 {
            var changed = bytes
            for _ in 0..<4 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let (position, letter) = (Int(state >> 33) % bytes.count, Int(state >> 20) % 64)
                changed[position] =
                    Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)[letter]
            }
            do {
                let tokenizer = try TokenizerFixture.load(["tokenizer.json": changed])
                _ = try tokenizer.tokenize(
                    "The ﬁrst únable <mask> 中 ½ ｶﾞ e\u{301} ™\u{1E}", pairedWith: "x", truncation: nil)
            } catch is TokenizerError {
                refused += 1
            }
        }
        #expect(refused > 10)
        #expect(refused < 150)
    }

    private func compare(_ entry: [String: Any], _ document: String) throws {
        let name = entry["name"] as? String ?? ""
        let tokenizer = try TokenizerFixture.load(["tokenizer.json": document])
        let cases = try GoldenCase.all(entry)
        #expect(cases.count > 10)
        for golden in cases {
            #expect(try golden.found(by: tokenizer) == golden.expected, "\(name): \(golden.texts)")
        }
    }
}
