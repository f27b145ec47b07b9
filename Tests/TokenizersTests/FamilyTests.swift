import Foundation
import Testing
import Tokenizers

/// Tokenizers of every family, small ones trained for this, and what may be wrong with their files.
@Suite struct FamilyTests {
    private struct Family {
        let name: String
        let files: [String: [UInt8]]
        let cases: [GoldenCase]

        init(_ json: [String: Any]) throws {
            name = try #require(json["name"] as? String)
            files = try #require(json["files"] as? [String: String]).mapValues {
                [UInt8](try #require(Data(base64Encoded: $0)))
            }
            cases = try GoldenCase.all(json)
        }

        static func all() throws -> [Family] {
            try #require(TokenizerFixture.object("families.json")["tokenizers"] as? [[String: Any]]).map(Family.init)
        }

        static func named(_ name: String) throws -> Family {
            try #require(try all().first { $0.name == name })
        }
    }

    @Test func `each family gives the tokens of Hugging Face`() throws {
        let families = try Family.all()
        #expect(families.count > 30)
        for family in families {
            let tokenizer = try TokenizerFixture.load(family.files)
            for golden in family.cases {
                #expect(try golden.found(by: tokenizer) == golden.expected, "\(family.name): \(golden.texts)")
            }
        }
    }

    @Test func `a word gives the same tokens the second time`() throws {
        for name in ["roberta-files", "pairs-unknown", "bytes-dropped"] {
            let tokenizer = try TokenizerFixture.load(try Family.named(name).files)
            for text in ["return returns", "caf\u{E9}\u{301} \u{1F355}", String(repeating: "ab", count: 40)] {
                let first = try tokenizer.tokenize(text, pairedWith: nil, truncation: nil)
                #expect(try tokenizer.tokenize(text, pairedWith: nil, truncation: nil) == first)
                #expect(try tokenizer.tokenize(text, pairedWith: nil, truncation: nil) == first)
            }
        }
    }

    @Test func `several threads spell in byte pairs at once`() async throws {
        let family = try Family.named("modernbert")
        let tokenizer = try TokenizerFixture.load(family.files)
        let cases = family.cases.filter { !$0.isSplit && $0.texts.count == 1 && $0.truncation == nil }
        let (texts, expected) = (cases.map { $0.texts[0] }, cases.map(\.expected))
        try await withThrowingTaskGroup(of: [TokenizedText].self) { group in
            for _ in 0..<8 {
                group.addTask { try texts.map { try tokenizer.tokenize($0, pairedWith: nil, truncation: nil) } }
            }
            for try await found in group { #expect(found == expected) }
        }
    }

    // MARK: Which family

    @Test func `the type of the model tells the family where no class is named`() throws {
        var files = try Family.named("deberta-v2-files").files
        files["tokenizer_config.json"] = Array(#"{"do_lower_case": false}"#.utf8)
        #expect(try TokenizerFixture.load(files).id(of: "[MASK]") != nil)
        files["config.json"] = Array(#"{"model_type": "funnel"}"#.utf8)
        let unknown = try TokenizerFixture.refusal(files)
        #expect("\(unknown)".contains("model_type without tokenizer.json is funnel"), "\(unknown)")
        files["config.json"] = Array(#"{"model_type": "t5"}"#.utf8)
        let other = try TokenizerFixture.refusal(files)
        #expect("\(other)".contains("expected tokenizer.json or spiece.model"), "\(other)")
        files["config.json"] = nil
        let none = try TokenizerFixture.refusal(files)
        #expect("\(none)".contains("has no tokenizer"), "\(none)")
    }

    // MARK: Broken files

    @Test func `a SentencePiece model cut off anywhere is refused or works`() throws {
        var files = try Family.named("xlm-roberta-files").files
        let model = try #require(files["sentencepiece.bpe.model"])
        var refused = 0
        for count in stride(from: 0, to: model.count, by: 37) {
            files["sentencepiece.bpe.model"] = Array(model[..<count])
            do {
                _ = try TokenizerFixture.load(files)
            } catch let error as TokenizerError {
                #expect("\(error)".contains("sentencepiece.bpe.model"))
                refused += 1
            }
        }
        #expect(refused > model.count / 37 / 2)
    }

    @Test func `a SentencePiece model with a byte changed is refused or works`() throws {
        var files = try Family.named("t5-pairs-files").files
        let model = try #require(files["spiece.model"])
        for index in stride(from: 0, to: model.count, by: 29) {
            for change in [0x01, 0x80, 0xFF] as [UInt8] {
                var changed = model
                changed[index] ^= change
                files["spiece.model"] = changed
                do {
                    _ = try TokenizerFixture.load(files).tokenize("what returns", pairedWith: nil, truncation: nil)
                } catch is TokenizerError {}
            }
        }
    }

    @Test(
        arguments: [
            ([], "no pieces"), ([0x0A, 0x05, 0x0A], "field 1 says it has 5 bytes, and 1 are left"),
            ([0x0F], "field 1 is of kind 7"), ([0x00], "a field without a number"),
            ([0x0A, 0x80], "a number without end"),
            ([0x08, 0x01], "field 1 is no message"), ([0x0A, 0x02, 0x0A, 0x00], "a piece is empty or not UTF-8"),
            ([0x0A, 0x03, 0x0A, 0x01, 0xFF], "a piece is empty or not UTF-8"),
            ([0x0A, 0x05, 0x0A, 0x01, 0x61, 0x18, 0x07], "a piece is of kind 7"),
            ([0x0A, 0x08, 0x0A, 0x01, 0x61, 0x15, 0, 0, 0xC0, 0x7F], "the score of a piece is nan"),
            (
                [0x0A, 0x03, 0x0A, 0x01, 0x61, 0x12, 0x03, 0xC0, 0x02, 0x05],
                "the unknown piece is 5, and there are 1 pieces"
            ),
            ([0x0A, 0x03, 0x0A, 0x01, 0x61, 0x12, 0x02, 0x18, 0x09], "the model is of type 9"),
            ([0x0A, 0x03, 0x0A, 0x01, 0x61, 0x12, 0x02, 0x18, 0x03], "the model is words"),
            ([0x0A, 0x03, 0x0A, 0x01, 0x61, 0x0A, 0x03, 0x0A, 0x01, 0x61], "holds the token “a” twice"),
        ] as [([UInt8], String)])
    func `a broken SentencePiece model is refused with what is wrong`(bytes: [UInt8], reason: String) throws {
        let error = try TokenizerFixture.refusal([
            "spiece.model": bytes, "config.json": Array(#"{"model_type": "t5"}"#.utf8),
        ])
        #expect("\(error)".contains("spiece.model"), "\(error)")
        #expect("\(error)".contains(reason), "\(error)")
    }

    @Test(arguments: [
        ("#version: 0.2\na b c\n", "“merges[0]” is “a b c”"), ("#version: 0.2\nab\n", "“merges[0]” is “ab”"),
        ("#version: 0.2\na b\nab x\n", "no token “x” for merge 1"),
        ("#version: 0.2\nb a\n", "no token “ba” for merge 0"),
    ])
    func `merges that are none are refused`(merges: String, reason: String) throws {
        let vocabulary = #"{"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "a": 4, "b": 5, "ab": 6, "<mask>": 7}"#
        let files = [
            "config.json": #"{"model_type": "roberta"}"#, "vocab.json": vocabulary, "merges.txt": merges,
        ]
        let error = try TokenizerFixture.refusal(files)
        #expect("\(error)".contains(reason), "\(error)")
        #expect("\(error)".contains("merges.txt"), "\(error)")
        var right = files
        right["merges.txt"] = "#version: 0.2\na b\n"
        #expect(
            try TokenizerFixture.load(right).tokenize("abba", pairedWith: nil, truncation: nil).ids == [0, 6, 5, 4, 2])
        right["merges.txt"] = nil
        #expect("\(try TokenizerFixture.refusal(right))".contains("expected merges.txt"))
    }

    @Test(
        arguments: [
            (["dropout": 0.1], "“model.dropout” is 0.1"), (["unk_token": "<x>"], "no token “<x>”"),
            (["merges": 5], "“model.merges” is 5"), (["merges": [["a"]]], "“merges[0]” is an array of 1"),
            (["merges": [["a", "b", "c"]]], "“merges[0]” is more than that"),
            (["byte_fallback": true, "end_of_word_suffix": "</w>"], "“model.byte_fallback” is true"),
            (["dropouts": 0], "“model.dropouts” is unknown"),
        ] as [([String: any Sendable], String)])
    func `what byte pairs may not say is refused by name`(change: [String: any Sendable], reason: String) throws {
        let error = try TokenizerFixture.refusal([
            "tokenizer.json": try TokenizerFixture.bert { document in
                document["model"] =
                    (["type": "BPE", "vocab": ["[CLS]": 0, "[SEP]": 1, "a": 2, "b": 3], "merges": [String]()]
                    as [String: Any]).merging(change) { $1 }
                document["added_tokens"] = [String]()
            }
        ])
        #expect("\(error)".contains(reason), "\(error)")
    }

    @Test func `byte level is only read as the last stage before byte pairs`() throws {
        let byteLevel: [String: Any] = ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true]
        let words = try TokenizerFixture.refusal([
            "tokenizer.json": try TokenizerFixture.bert { $0["pre_tokenizer"] = byteLevel }
        ])
        #expect("\(words)".contains("ByteLevel before a model other than BPE"), "\(words)")
        let order = try TokenizerFixture.refusal([
            "tokenizer.json": try TokenizerFixture.bert { document in
                document["pre_tokenizer"] =
                    ["type": "Sequence", "pretokenizers": [byteLevel, ["type": "Whitespace"]]] as [String: Any]
            }
        ])
        #expect("\(order)".contains("ByteLevel before another"), "\(order)")
    }
}
