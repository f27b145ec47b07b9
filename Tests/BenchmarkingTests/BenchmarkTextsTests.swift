import Benchmarking
import FineTuning
import TestSupport
import Testing

@Suite struct BenchmarkTextsTests {
    @Test func textsAreMadeOfTheWordsToALengthInTokens() throws {
        let model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let texts = try #require(BenchmarkTexts(["the team won the match", "shares fell and the bank lost"]))
        let made = try texts.texts(count: 5, tokens: 8, model)
        #expect(made.count == 5)
        #expect(made[0].text == "the team won the match shares", "[CLS] and [SEP] count")
        #expect(made[1].text.hasPrefix("fell and the bank"), "the next text goes on where the last one ended")
        for tokenized in try model.tokenize(made, limit: 64) { #expect((5...8).contains(tokenized.ids.count)) }
    }

    @Test func aWordThatIsLongerThanTheLimitStandsAlone() throws {
        let model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let texts = try #require(BenchmarkTexts(["abcdefghijklmnop the"]))
        let made = try texts.texts(count: 3, tokens: 5, model)
        #expect(made.map(\.text) == ["abcdefghijklmnop", "the", "abcdefghijklmnop"])
    }

    @Test func textsWithoutAWordAreNone() {
        #expect(BenchmarkTexts(["", " \n"]) == nil)
        #expect(BenchmarkTexts([]) == nil)
    }
}
