import Foundation
import Testing
import Tokenizers

@Suite struct TokenizerLoadingTests {
    let vocabulary = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nun\n##able\n"

    @Test func `a folder tells its vocabulary, special tokens and limits`() throws {
        let tokenizer = try TokenizerFolder.load(from: TokenizerFixture.folder.appending(path: "bert"))
        #expect(tokenizer.vocabularySize == 30522)
        #expect(tokenizer.idLimit == 30522)
        #expect(
            tokenizer.specialTokens
                == SpecialTokens(unknown: 100, classification: 101, separator: 102, padding: 0, mask: 103))
        #expect(tokenizer.statedLimits == StatedLimits(sentenceTransformers: 256, tokenizerConfig: 512))
        #expect(tokenizer.id(of: "##ing") == 2075)
        #expect(tokenizer.token(of: 2075) == "##ing")
        #expect(tokenizer.id(of: "no such token") == nil)
        #expect(tokenizer.token(of: 30522) == nil)
        #expect(tokenizer.token(of: -1) == nil)
        #expect(tokenizer.specialTokenCount(forPair: false) == 2)
        #expect(tokenizer.specialTokenCount(forPair: true) == 3)
    }

    @Test func `tokenizer.json is preferred, and its truncation is told`() throws {
        let file = try TokenizerFixture.bert { document in
            document["truncation"] = [
                "max_length": 5, "strategy": "OnlySecond", "stride": 0, "direction": "Left",
            ]
        }
        let tokenizer = try TokenizerFixture.load([
            "tokenizer.json": file, "vocab.txt": "broken",
            "tokenizer_config.json": #"{"model_max_length": 1000000000000000019884624838656}"#,
        ])
        let truncation = Truncation(limit: 5, strategy: .onlySecond, side: .left)
        #expect(tokenizer.statedLimits == StatedLimits(truncation: truncation))
        // A limit keeps the stored strategy and side: “un ##able” loses its beginning.
        let found = try tokenizer.tokenize("the", pairedWith: "unable", limit: 5)
        #expect(found.ids == [2, 5, 3, 7, 3])
        #expect(throws: TokenizerError.missingSecondText(tokens: 3, limit: 1)) {
            try tokenizer.tokenize("the the the", limit: 3)
        }
    }

    @Test func `a model that does not say its kind is known by its fields`() throws {
        func tokens(_ model: [String: Any]) throws -> [Int32] {
            let tokenizer = try TokenizerFixture.load([
                "tokenizer.json": try TokenizerFixture.bert { document in
                    document["model"] = model
                    document["added_tokens"] = [[String: Any]]()
                    document["post_processor"] = NSNull()
                }
            ])
            return try tokenizer.tokenize("abc", pairedWith: nil, truncation: nil).ids
        }
        let pieces: [[Any]] = [["?", 0], ["a", -1], ["bc", -1.5]]
        #expect(try tokens(["unk_id": 0, "vocab": pieces]) == [1, 2])
        let vocabulary = ["a": 0, "b": 1, "c": 2, "bc": 3]
        #expect(try tokens(["unk_token": "", "vocab": vocabulary, "merges": ["b c"]]) == [0, 3])
        #expect(
            try tokens([
                "unk_token": "?", "continuing_subword_prefix": "#", "max_input_chars_per_word": 9,
                "vocab": ["a": 0, "#bc": 1, "?": 2],
            ]) == [0, 1])
        let error = try TokenizerFixture.refusal([
            "tokenizer.json": try TokenizerFixture.bert { $0["model"] = ["vocab": vocabulary] }
        ])
        #expect("\(error)".contains("has no “model.type”"))
    }

    @Test func `ids may have gaps`() throws {
        let tokenizer = try TokenizerFixture.load([
            "tokenizer.json": try TokenizerFixture.bert { document in
                document.change("model") { model in
                    model.change("vocab") { $0["far"] = 2_000_000_000 }
                }
            }
        ])
        #expect(tokenizer.id(of: "far") == 2_000_000_000)
        #expect(tokenizer.token(of: 2_000_000_000) == "far")
        #expect(tokenizer.token(of: 1_000_000_000) == nil)
        #expect(tokenizer.idLimit == 2_000_000_001)
        #expect(tokenizer.vocabularySize == 12)
    }

    @Test(arguments: [0, 1, 3])
    func `a word longer than the model spells is unknown as a whole`(longest: Int) throws {
        let tokenizer = try TokenizerFixture.load([
            "tokenizer.json": try TokenizerFixture.bert { document in
                document.change("model") { $0["max_input_chars_per_word"] = longest }
            }
        ])
        let found = try tokenizer.tokenize("a the unable", limit: 9)
        let ids: [Int32] = [longest >= 1 ? 9 : 1, longest >= 3 ? 5 : 1, 1]
        #expect(found.ids == [2] + ids + [3])
        #expect(found.offsets == [0..<0, 0..<1, 2..<5, 6..<12, 0..<0])
    }

    @Test func `lines of vocab.txt end as Python reads them`() throws {
        let tokenizer = try TokenizerFixture.load(["vocab.txt": "[UNK]\r\n[CLS]\r[SEP]\n[PAD]\n[MASK]\nlast"])
        #expect(["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "last"].map(tokenizer.id(of:)) == [0, 1, 2, 3, 4, 5])
    }

    @Test func `special tokens may be named otherwise`() throws {
        let tokenizer = try TokenizerFixture.load([
            "vocab.txt": "<u>\n<c>\n<s>\n<x>\nthe\n",
            "tokenizer_config.json": #"{"unk_token": "<u>", "cls_token": {"content": "<c>", "lstrip": false}}"#,
            "special_tokens_map.json": #"{"sep_token": "<s>", "additional_special_tokens": ["<x>"]}"#,
        ])
        #expect(tokenizer.specialTokens == SpecialTokens(unknown: 0, classification: 1, separator: 2))
        #expect(try tokenizer.tokenize("The what<x>", limit: 10).ids == [1, 4, 0, 3, 2])
    }

    @Test func `tokens that only look the same are two`() throws {
        let tokenizer = try TokenizerFixture.load([
            "tokenizer.json": try TokenizerFixture.bert { document in
                Self.addToken(&document, "\u{E9}", id: 11)
                Self.addToken(&document, "e\u{301}", id: 12)
            }
        ])
        #expect(tokenizer.id(of: "\u{E9}") == 11)
        #expect(tokenizer.id(of: "e\u{301}") == 12)
        #expect(try tokenizer.tokenize("e\u{301}\u{E9}", limit: 9).ids == [2, 12, 11, 3])
    }

    // MARK: Refusals

    @Test func `a folder without tokenizer names both files`() throws {
        let error = try TokenizerFixture.refusal(["config.json": "{}"])
        guard case .missingFiles(_, let expected) = error else { throw error }
        #expect(expected == ["tokenizer.json", "vocab.txt"])
        #expect("\(error)".hasSuffix("has no tokenizer: expected tokenizer.json or vocab.txt"))
    }

    @Test(arguments: [
        ("{\"a\": 1,}", "expected “\"”, found “}”"), ("{\"a\": 01}", "a number starts with 0"),
        ("{\"a\": 1} x", "expected the end, found “x”"), ("{\"a\": \"\\ud800\"}", "half a surrogate pair"),
        ("{\"a\": 1, \"a\": 2}", "the name “a” stands twice"),
        ("{\"a\": \"\u{1}\"}", "a control character in a string"),
        ("{\"a\"", "expected “:”, found the end"), ("", "expected a value, found the end"),
        ("{\"a\": tru}", "expected true"), ("{\"a\": \"\\x\"}", "the escape \\“x” does not exist"),
        ("{\"a\": \"\\u12g4\"}", "\\u needs four hexadecimal digits"), ("{\"a\": -}", "expected a digit"),
        (String(repeating: "[", count: 200), "more than 100 levels deep"), ("{\"a\": \"b", "a string without end"),
    ])
    func `a file that is not JSON is refused with its name and place`(text: String, reason: String) throws {
        let error = try TokenizerFixture.refusal(["tokenizer_config.json": text])
        guard case .invalidJSON(let file, _, let found) = error else { throw error }
        #expect(file.hasSuffix("/tokenizer_config.json"))
        #expect(found.hasPrefix(reason))
    }

    @Test func `escapes in JSON are read`() throws {
        let tokenizer = try TokenizerFixture.load([
            "vocab.txt": vocabulary + "é/😀\"\n",
            "tokenizer_config.json": #"{"additional_special_tokens": ["\u00e9\/\ud83D\uDE00\""]}"#,
        ])
        #expect(try tokenizer.tokenize("É é/😀\"", limit: 9).ids == [2, 1, 8, 3])
    }

    @Test func `a file that is not UTF-8 is refused`() throws {
        let error = try TokenizerFixture.refusal(["vocab.txt": [0x61, 0xFF, 0x0A]])
        #expect("\(error)".hasSuffix("/vocab.txt is not UTF-8 text; save it as UTF-8"))
    }

    /// What is changed in BERT's tokenizer.json, and the error's words.
    static let refusals: [(name: String, change: @Sendable (inout [String: Any]) -> Void, words: String)] = [
        (
            "model", { $0["model"] = ["type": "WordLevel", "vocab": [String: Int]()] as [String: Any] },
            "the model is WordLevel, which Graft does not have; it has WordPiece, Unigram, BPE"
        ),
        ("no model", { $0["model"] = nil }, "has no “model”"),
        ("no vocabulary", { $0.change("model") { $0["vocab"] = nil } }, "has no “model.vocab”"),
        (
            "list of vocabulary", { $0.change("model") { $0["vocab"] = [["a", -1.5], ["b", -2]] } },
            "“model.vocab” is an array of 2; expected an object"
        ),
        (
            "no unknown", { $0.change("model") { $0.change("vocab") { $0["[UNK]"] = nil } } },
            "has no token “[UNK]” for unknown words"
        ),
        ("fraction", { $0.change("model") { $0.change("vocab") { $0["a"] = 1.5 } } }, "“model.vocab.a” is 1.5"),
        ("negative", { $0.change("model") { $0.change("vocab") { $0["a"] = -1 } } }, "“model.vocab.a” is -1"),
        ("too large", { $0.change("model") { $0.change("vocab") { $0["a"] = 2_147_483_648 } } }, "is 2147483648"),
        ("text", { $0.change("model") { $0.change("vocab") { $0["a"] = "9" } } }, "“model.vocab.a” is “9”"),
        ("twice", { $0.change("model") { $0.change("vocab") { $0["a"] = 5 } } }, "gives id 5 to “"),
        ("field", { $0.change("model") { $0["dropout"] = 0.1 } }, "“model.dropout” is unknown to Graft"),
        ("top field", { $0["extra"] = 1 }, "“extra” is unknown to Graft"),
        ("version", { $0["version"] = "2.0" }, "“version” is “2.0”; expected “1.0”"),
        ("normalizer", { $0["normalizer"] = ["type": "ByteLevel"] }, "the normalizer at normalizer is ByteLevel"),
        (
            "nested", { $0["normalizer"] = ["type": "Sequence", "normalizers": [["type": "Fold"]]] as [String: Any] },
            "the normalizer at normalizer.normalizers[0] is Fold"
        ),
        (
            "character map", { $0["normalizer"] = ["type": "Precompiled", "precompiled_charsmap": "AAAA"] },
            "“normalizer.precompiled_charsmap” is “AAAA”; expected the character map of SentencePiece"
        ),
        (
            "regex",
            { $0["normalizer"] = ["type": "Replace", "pattern": ["Regex": "(a|b)"], "content": ""] as [String: Any] },
            "“normalizer.pattern.Regex” is “(a|b)”; expected a regular expression of classes and counts"
        ),
        (
            "empty",
            { $0["normalizer"] = ["type": "Replace", "pattern": ["String": ""], "content": ""] as [String: Any] },
            "“normalizer.pattern.String” is “”"
        ),
        ("flag", { $0.change("normalizer") { $0["lowercase"] = "yes" } }, "“normalizer.lowercase” is “yes”"),
        ("missing flag", { $0.change("normalizer") { $0["lowercase"] = nil } }, "has no “normalizer.lowercase”"),
        (
            "pre-tokenizer", { $0["pre_tokenizer"] = ["type": "UnicodeScripts"] }, "at pre_tokenizer is UnicodeScripts"
        ),
        (
            "mark", { $0["pre_tokenizer"] = ["type": "Metaspace", "replacement": "__"] },
            "“pre_tokenizer.replacement” is “__”; expected one character"
        ),
        (
            "scheme",
            { $0["pre_tokenizer"] = ["type": "Metaspace", "replacement": "_", "prepend_scheme": "last"] },
            "“pre_tokenizer.prepend_scheme” is “last”; expected always, first, never"
        ),
        (
            "prefix",
            {
                $0["pre_tokenizer"] =
                    ["type": "Metaspace", "replacement": "_", "add_prefix_space": false] as [String: Any]
            },
            "“pre_tokenizer.add_prefix_space” is false; expected true"
        ),
        ("behavior", { $0["pre_tokenizer"] = ["type": "Punctuation", "behavior": "Odd"] }, "is “Odd”"),
        ("post-processor", { $0["post_processor"] = ["type": "Odd"] }, "is Odd"),
        (
            "two templates",
            {
                let template: [String: Any] = ["type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]]
                $0["post_processor"] = ["type": "Sequence", "processors": [template, template]] as [String: Any]
            },
            "“post_processor.processors” is an array of 2; expected one that adds special tokens"
        ),
        (
            "unigram of words",
            { $0["model"] = ["type": "Unigram", "unk_id": 0, "vocab": ["a": 0]] as [String: Any] },
            "“model.vocab” is an object of 1 fields; expected an array of tokens with their scores"
        ),
        (
            "no unknown id", { $0["model"] = ["type": "Unigram", "vocab": [["a", -1.5]]] as [String: Any] },
            "has no “model.unk_id”"
        ),
        (
            "unknown id",
            { $0["model"] = ["type": "Unigram", "unk_id": 1, "vocab": [["a", -1.5]]] as [String: Any] },
            "“model.unk_id” is 1; expected the id of one of the 1 tokens"
        ),
        (
            "no score", { $0["model"] = ["type": "Unigram", "unk_id": 0, "vocab": [["a"]]] as [String: Any] },
            "“model.vocab[0]” is something else; expected a token and its score"
        ),
        (
            "template", { $0.change("post_processor") { $0["single"] = [["Sequence": ["id": "B", "type_id": 0]]] } },
            "“post_processor.single[0].Sequence.id” is “B”; expected A"
        ),
        (
            "undefined", { $0.change("post_processor") { $0["special_tokens"] = [String: Any]() } },
            "expected one of special_tokens"
        ),
        (
            "wrong id",
            {
                $0["post_processor"] =
                    ["type": "BertProcessing", "sep": ["[SEP]", 9], "cls": ["[CLS]", 2]]
                    as [String: Any]
            },
            "gives “[SEP]” the id 9, but in the vocabulary its id is 3"
        ),
        (
            "foreign",
            {
                $0["post_processor"] =
                    ["type": "BertProcessing", "sep": ["</s>", 3], "cls": ["[CLS]", 2]]
                    as [String: Any]
            },
            "has no token “</s>” for post_processor"
        ),
        (
            "truncation", { $0["truncation"] = ["max_length": 9, "strategy": "DoNotTruncate", "stride": 0] },
            "“truncation.strategy” is “DoNotTruncate”"
        ),
        ("added id", { addToken(&$0, "<new>", id: 99) }, "gives “<new>” the id 99, but in the vocabulary its id is 11"),
        ("added twice", { addToken(&$0, "[CLS]", id: 2) }, "holds the token “[CLS]” twice"),
        ("added empty", { addToken(&$0, "", id: 11) }, "content” is “”"),
        ("vanishing", { addToken(&$0, "\u{301}", id: 11, normalized: true) }, "expected text that is not empty"),
    ]

    static func addToken(_ document: inout [String: Any], _ content: String, id: Int, normalized: Bool = false) {
        let tokens = document["added_tokens"] as? [[String: Any]] ?? []
        var token = tokens.first ?? [:]
        (token["content"], token["id"], token["normalized"]) = (content, id, normalized)
        document["added_tokens"] = tokens + [token]
    }

    @Test(arguments: refusals.indices)
    func `what tokenizer.json may not say is refused by name`(index: Int) throws {
        let refusal = Self.refusals[index]
        let error = try TokenizerFixture.refusal(["tokenizer.json": try TokenizerFixture.bert { refusal.change(&$0) }])
        #expect("\(error)".contains(refusal.words), "\(refusal.name): \(error)")
        #expect("\(error)".contains("tokenizer.json"))
        #expect(!"\(error)".contains("\n"))
    }

    @Test func `a token that stands twice is refused`() throws {
        let file = try TokenizerFixture.bert().replacing(#""the":5"#, with: #""the":5,"the":11"#)
        let ofFile = try TokenizerFixture.refusal(["tokenizer.json": file])
        #expect("\(ofFile)".contains("tokenizer.json holds the token “the” twice"))
        let ofLines = try TokenizerFixture.refusal(["vocab.txt": vocabulary + "the\n"])
        #expect("\(ofLines)".contains("vocab.txt holds the token “the” twice"))
    }

    @Test(arguments: [
        (#"{"tokenizer_class": "GPT2Tokenizer"}"#, "tokenizer_class without tokenizer.json is GPT2Tokenizer"),
        (#"{"tokenizer_class": "RobertaTokenizer"}"#, "expected tokenizer.json or vocab.json"),
        (#"{"do_basic_tokenize": false}"#, "“do_basic_tokenize” is false"),
        (#"{"never_split": ["x"]}"#, "“never_split” is an array of 1"),
        (#"{"do_lower_case": "no"}"#, "“do_lower_case” is “no”"),
        (#"{"cls_token": "<s>"}"#, "has no token “<s>” for cls_token"),
        (#"{"cls_token": 5}"#, "“cls_token” is 5"),
        (#"{"additional_special_tokens": [5]}"#, "“additional_special_tokens” is an array of 1"),
        (#"{"added_tokens_decoder": {"3": "[PAD]"}}"#, "“added_tokens_decoder.3” is “[PAD]”"),
        (#"{"added_tokens_decoder": {"x": {"content": "a"}}}"#, "“added_tokens_decoder.x” is unknown"),
        (#"{"added_tokens_decoder": {"99": {"content": "<e>"}}}"#, "gives “<e>” the id 99"),
        (#"{"model_max_length": -1}"#, "“model_max_length” is -1"),
        (#"[]"#, "“the document” is an array of 0"),
    ])
    func `what tokenizer_config.json may not say beside vocab.txt is refused by name`(
        config: String, words: String
    ) throws {
        let error = try TokenizerFixture.refusal(["vocab.txt": vocabulary, "tokenizer_config.json": config])
        #expect("\(error)".contains(words), "\(error)")
    }

    @Test func `a vocabulary without special tokens is refused`() throws {
        let missing = try TokenizerFixture.refusal(["vocab.txt": "[UNK]\n[CLS]\nthe\n"])
        #expect("\(missing)".contains("vocab.txt has no token “[SEP]” for sep_token"))
    }

    @Test func `tokens that are not in the vocabulary follow on it`() throws {
        let count = Int32(vocabulary.split(separator: "\n").count)
        let named = try TokenizerFixture.load([
            "vocab.txt": vocabulary, "tokenizer_config.json": #"{"additional_special_tokens": ["<e>"]}"#,
            "added_tokens.json": #"{"<f>": \#(count)}"#,
        ])
        #expect(named.id(of: "<f>") == count)
        #expect(named.id(of: "<e>") == count + 1)
        #expect(Int32(named.idLimit) == count + 2)
        let wrong = try TokenizerFixture.refusal([
            "vocab.txt": vocabulary, "added_tokens.json": #"{"<f>": 5000}"#,
        ])
        #expect("\(wrong)".contains("gives “<f>” the id 5000, but in the vocabulary its id is \(count)"))
    }

    @Test(arguments: [
        (#"{"do_lower_case": false}"#, "do_lower_case"), (#"{"strip_accents": false}"#, "strip_accents"),
        (#"{"tokenize_chinese_chars": false}"#, "tokenize_chinese_chars"), (#"{"unk_token": "the"}"#, "unk_token"),
    ])
    func `files that contradict each other are refused`(config: String, field: String) throws {
        let error = try TokenizerFixture.refusal([
            "tokenizer.json": try TokenizerFixture.bert(), "tokenizer_config.json": config,
        ])
        guard case .conflict(_, let found, _, _) = error else { throw error }
        #expect(found == field)
        #expect(
            try TokenizerFixture.refusal([
                "vocab.txt": vocabulary, "tokenizer_config.json": #"{"pad_token": "a"}"#,
                "special_tokens_map.json": #"{"pad_token": "b"}"#,
            ]).description.contains("disagree on pad_token"))
    }

    // MARK: Hostile files

    @Test func `a tokenizer.json cut off anywhere is refused`() throws {
        let bytes = Array(try TokenizerFixture.bert().utf8)
        for length in 0..<bytes.count {
            #expect(throws: TokenizerError.self) {
                try TokenizerFixture.load(["tokenizer.json": Array(bytes[..<length])])
            }
        }
    }

    @Test func `a tokenizer.json with a byte changed is refused or works`() throws {
        let bytes = Array(try TokenizerFixture.bert().utf8)
        var state: UInt64 = 1
        var refused = 0
        for _ in 0..<1000 {
            var changed = bytes
            for _ in 0..<2 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                changed[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 20) & 0x7F
            }
            do {
                let tokenizer = try TokenizerFixture.load(["tokenizer.json": changed])
                _ = try tokenizer.tokenize("The únable [MASK] 中 #1", pairedWith: "x", truncation: nil)
            } catch is TokenizerError {
                refused += 1
            }
        }
        #expect(refused > 300)
    }
}
