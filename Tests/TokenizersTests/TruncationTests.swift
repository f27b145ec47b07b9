import Testing
import Tokenizers

@Suite struct TruncationTests {
    let tokenizer: any Tokenizer

    init() throws { tokenizer = try TokenizerFixture.load(["tokenizer.json": try TokenizerFixture.bert()]) }

    @Test func `a limit of the special tokens leaves only them`() throws {
        #expect(try tokenizer.tokenize("the the", limit: 2).ids == [2, 3])
        #expect(try tokenizer.tokenize("the the", pairedWith: "a", limit: 3).ids == [2, 3, 3])
    }

    @Test func `a limit below the special tokens is refused`() {
        #expect(throws: TokenizerError.limitTooSmall(limit: 1, specialTokens: 2)) {
            try tokenizer.tokenize("the", limit: 1)
        }
        #expect(throws: TokenizerError.limitTooSmall(limit: 2, specialTokens: 3)) {
            try tokenizer.tokenize("the", pairedWith: "a", limit: 2)
        }
    }

    @Test func `shortening only one text fails where that is not enough`() {
        for (strategy, first, second) in [
            (Truncation.Strategy.onlyFirst, "the", "a a a"), (.onlySecond, "a a a", "the"),
        ] {
            #expect(throws: TokenizerError.cannotTruncate(strategy: strategy.rawValue, tokens: 1, excess: 2)) {
                try tokenizer.tokenize(
                    first, pairedWith: second, truncation: Truncation(limit: 5, strategy: strategy))
            }
        }
    }

    @Test func `the longer text is shortened first, then both to halves`() throws {
        func counts(_ first: Int, _ second: Int, _ limit: Int) throws -> [Int] {
            let texts = [first, second].map { Array(repeating: "the", count: $0).joined(separator: " ") }
            let found = try tokenizer.tokenize(texts[0], pairedWith: texts[1], limit: limit)
            #expect(found.count <= limit)
            return [0, 1].map { segment in zip(found.segments, found.isSpecial).count { $0 == segment && !$1 } }
        }
        #expect(try counts(2, 9, 10) == [2, 5])
        #expect(try counts(9, 2, 10) == [5, 2])
        #expect(try counts(9, 9, 10) == [3, 4])
        #expect(try counts(9, 8, 10) == [4, 3])
        #expect(try counts(3, 3, 10) == [3, 3])
    }

    @Test func `the left side drops the beginning`() throws {
        let found = try tokenizer.tokenize(
            "the a unable", pairedWith: nil, truncation: Truncation(limit: 4, side: .left))
        #expect(found.ids == [2, 6, 7, 3])
        #expect(found.offsets == [0..<0, 6..<8, 8..<12, 0..<0])
        #expect(found.words == [nil, 2, 2, nil])
    }

    @Test func `words are shortened like text, in the middle of a word if need be`() throws {
        let found = try tokenizer.tokenize(["the", "", "unable"], limit: 4)
        #expect(found.ids == [2, 5, 6, 3])
        #expect(found.words == [nil, 0, 2, nil])
        #expect(found.offsets == [0..<0, 0..<3, 0..<2, 0..<0])
    }
}
