import Testing
import Tokenizers

/// A text and its tokens, as Tests/Peers/make_tokenizer_goldens.py writes them.
struct GoldenCase {
    let texts: [String]
    let isSplit: Bool
    let truncation: Truncation?
    let expected: TokenizedText

    init(_ json: [String: Any]) throws {
        texts = try #require(json["texts"] as? [String])
        isSplit = json["isSplit"] as? Bool ?? false
        truncation = try (json["truncation"] as? [String: Any]).map { json in
            Truncation(
                limit: try #require(json["limit"] as? Int),
                strategy: try #require(Truncation.Strategy(rawValue: json["strategy"] as? String ?? "")),
                side: try #require(Truncation.Side(rawValue: json["side"] as? String ?? "")))
        }
        func numbers(_ name: String) throws -> [Int] { try #require(json[name] as? [Int]) }
        let offsets = try #require(json["offsets"] as? [[Int]])
        let words = try #require(json["words"] as? [Any])
        expected = TokenizedText(
            ids: try numbers("ids").map(Int32.init), segments: try numbers("segments").map(Int32.init),
            offsets: offsets.map { $0[0]..<$0[1] }, words: words.map { $0 as? Int },
            isSpecial: try numbers("special").map { $0 == 1 })
    }

    /// All cases of a fixture, or of a part of one.
    static func all(_ json: [String: Any]) throws -> [GoldenCase] {
        try #require(json["cases"] as? [[String: Any]]).map(GoldenCase.init)
    }

    func found(by tokenizer: any Tokenizer) throws -> TokenizedText {
        if isSplit { return try tokenizer.tokenize(words: texts, truncation: truncation) }
        return try tokenizer.tokenize(
            texts[0], pairedWith: texts.count == 2 ? texts[1] : nil, truncation: truncation)
    }
}
