import FineTuning
import Testing

@Suite struct TaggedWordTests {
    @Test(arguments: [
        ("", []), (" \n\t", []), ("one", ["one"]), ("  two\r\nwords ", ["two", "words"]),
        ("Nov. 5, 2010!!", ["Nov", ".", "5", ",", "2010", "!!"]),
        ("\"(AHFA)\"...", ["\"", "(", "AHFA", ")", "\"", "..."]),
        ("see http://a.b/c?d=e, or me@x.org.", ["see", "http://a.b/c?d=e", ",", "or", "me@x.org", "."]),
        ("@user's #tag (#FF) @", ["@user", "'s", "#tag", "(", "#FF", ")", "@"]),
        ("Apple’s U.S. don't I'm 's it's", ["Apple", "’s", "U.S", ".", "don't", "I'm", "'s", "it", "'s"]),
        ("3.5% C++ $10 R&D :) --", ["3.5", "%", "C++", "$10", "R&D", ":)", "--"]),
        ("Paris😍😍🇫🇷 e\u{301}te\u{301}", ["Paris", "😍😍", "🇫🇷", "e\u{301}te\u{301}"]),
        ("我在北京ABC工作。", ["我", "在", "北", "京", "ABC", "工", "作", "。"]),
    ])
    func splitsTextIntoWords(text: String, words: [String]) {
        #expect(TextInput(text).taggedWords.map(\.text) == words)
    }

    @Test(arguments: [
        "Nov. 5,\r\n2010!!  \u{2028}e\u{301}te\u{301} 🇫🇷x", "我在 @user's", "a\u{a0}b\u{85}\u{3000}c.", "\u{301}x \u{301}",
    ])
    func knowsWhereEachWordStands(text: String) {
        let scalars = Array(text.unicodeScalars)
        let words = TextInput(text).taggedWords
        for word in words { #expect(Array(word.text.unicodeScalars) == Array(scalars[word.start..<word.end])) }
        let between = zip(words, words.dropFirst()).flatMap { scalars[$0.end..<$1.start] }
        #expect(between.allSatisfy { $0.properties.isWhitespace }, "nothing but white space is left out")
    }

    @Test func takesWordsAsTheyAreGiven() {
        let input = TextInput(words: ["Nov.", "5,é", "", "x y"])
        #expect(input.text == "Nov. 5,é  x y")
        #expect(input.taggedWords.map(\.text) == ["Nov.", "5,é", "", "x y"])
        #expect(input.taggedWords.map(\.start) == [0, 5, 9, 10])
        #expect(input.taggedWords.map(\.end) == [4, 8, 9, 13])
    }
}
