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
