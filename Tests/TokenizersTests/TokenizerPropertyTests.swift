import Foundation
import Testing
import Tokenizers

@Suite struct TokenizerPropertyTests {
    /// Seeded strings of scalars of all planes, with words and marks between.
    static func texts(_ count: Int, seed: UInt64) -> [String] {
        var state = seed
        func random(_ bound: UInt32) -> UInt32 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt32(truncatingIfNeeded: state >> 33) % bound
        }
        let ranges: [(UInt32, UInt32)] = [
            (0, 0x80), (0, 0x80), (0x80, 0x250), (0x300, 0x370), (0x370, 0x600), (0x900, 0xE00), (0x1100, 0x1200),
            (0x2000, 0x2100), (0x3000, 0x3100), (0x4E00, 0x4F00), (0xAC00, 0xAD00), (0xF900, 0x10000), (0, 0x110000),
        ]
        let words = ["the", "Unable", " ", " ", "[MASK]", "[SEP", "É", "İ", "ß", "e\u{323}\u{301}", "ǰ", "＃"]
        return (0..<count).map { _ in
            var text = String.UnicodeScalarView()
            for _ in 0..<random(30) {
                if random(3) == 0 {
                    text.append(contentsOf: words[Int(random(UInt32(words.count)))].unicodeScalars)
                } else {
                    let (first, end) = ranges[Int(random(UInt32(ranges.count)))]
                    if let scalar = Unicode.Scalar(first + random(end - first)) { text.append(scalar) }
                }
            }
            return String(text)
        }
    }

    /// The flags of BERT's normalizer: clean text, separate Chinese, strip accents, lower case.
    @Test(arguments: 0..<16)
    func `the one-pass way gives what the stages give`(flags: Int) throws {
        func file(_ change: (inout [String: Any]) -> Void) throws -> String {
            var vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "un", "##able"]
            for scalar in (0x21...0x2FF).compactMap(Unicode.Scalar.init) { vocabulary += ["\(scalar)", "##\(scalar)"] }
            return try TokenizerFixture.bert(vocabulary: vocabulary) { document in
                document.change("normalizer") { normalizer in
                    for (bit, name) in ["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"].enumerated()
                    {
                        normalizer[name] = flags >> bit & 1 == 1
                    }
                }
                change(&document)
            }
        }
        let scanning = try TokenizerFixture.load(["tokenizer.json": try file { _ in }])
        // An added token that is looked for in the normalized text leaves no one-pass way; this one is in no text.
        let staged = try TokenizerFixture.load([
            "tokenizer.json": try file { document in
                let tokens = document["added_tokens"] as? [[String: Any]] ?? []
                var token = tokens.first ?? [:]
                (token["content"], token["normalized"], token["special"]) = ("never never never", true, false)
                token["id"] = ((document["model"] as? [String: Any])?["vocab"] as? [String: Int])?.count
                document["added_tokens"] = tokens + [token]
            }
        ])
        #expect(staged.vocabularySize == scanning.vocabularySize + 1)
        for text in Self.texts(600, seed: UInt64(flags)) {
            let found = try scanning.tokenize(text, pairedWith: nil, truncation: nil)
            let expected = try staged.tokenize(text, pairedWith: nil, truncation: nil)
            #expect(found == expected, "\(text.debugDescription)")
        }
    }

    @Test func `offsets lie in the text, words count up, and shortened is a prefix`() throws {
        let tokenizer = try TokenizerFixture.load(["tokenizer.json": try TokenizerFixture.bert()])
        for text in Self.texts(1000, seed: 99) {
            let whole = try tokenizer.tokenize(text, pairedWith: nil, truncation: nil)
            let length = text.unicodeScalars.count
            #expect(whole.offsets.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= length })
            let words = whole.words.compactMap(\.self)
            #expect(words == words.sorted())
            for limit in [2, 3, 7] where limit < whole.count {
                let short = try tokenizer.tokenize(text, limit: limit)
                #expect(short.count == limit)
                #expect(Array(short.ids.dropLast()) == Array(whole.ids.prefix(limit - 1)))
                #expect(short.ids.last == tokenizer.specialTokens.separator)
            }
        }
    }

    @Test func `a text given as words has each word's own tokens`() throws {
        let tokenizer = try TokenizerFixture.load(["tokenizer.json": try TokenizerFixture.bert()])
        for text in Self.texts(300, seed: 5) {
            let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            let found = try tokenizer.tokenize(words: words, truncation: nil)
            var (ids, indices): ([Int32], [Int?]) = ([], [])
            for (index, word) in words.enumerated() {
                let tokens = try tokenizer.tokenize(word, pairedWith: nil, truncation: nil).ids.dropFirst().dropLast()
                ids += tokens
                indices += tokens.map { _ in index }
            }
            #expect(Array(found.ids.dropFirst().dropLast()) == ids)
            #expect(Array(found.words.dropFirst().dropLast()) == indices)
        }
    }
}
