import Encoders
import FineTuning
import Matrices
import TestSupport
import Testing
import Tokenizers

/// Sentences over the limit, read in windows.
@Suite struct TaggingWindowTests {
    private let head = TaggingHead(labels: ["O", "B-x", "I-x"], hiddenSize: 32)
    private let tokenizer: any Tokenizer

    init() throws { tokenizer = try TokenizerFolder.load(from: TinyEncoder.folder) }

    /// Words of one token, of several, of none, and one longer than any window.
    private func words(_ count: Int, seed: UInt64) -> [String] {
        let kinds = [
            "team", "won", "abc", "the", "zohrab", "\u{200b}", "!", "last", "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
        ]
        var random = RandomStream(seed: seed, name: "words")
        return (0..<count).map { _ in kinds[Int(random.next() % UInt64(kinds.count))] }
    }

    /// What each window tells, with the places of the words' first tokens.
    private func told(_ windows: [TokenizedText], _ count: Int) -> [Target.WordLabels] {
        head.targets(.ids(Array(0..<count)), of: windows).compactMap {
            if case .words(let words) = $0 { words } else { nil }
        }
    }

    @Test(arguments: [5, 8, 16, 33, 64], [1, 2, 12, 40, 150])
    func everyWordIsToldOnceByItsFirstToken(limit: Int, count: Int) throws {
        for seed in 0..<12 as Range<UInt64> {
            let words = words(count, seed: seed)
            let windows = try head.texts(of: TextInput(words: words), tokenizer, limit: limit)
            #expect(windows.allSatisfy { $0.count <= limit })
            let told = told(windows, count)
            #expect(told.count == windows.count)
            #expect(told.flatMap(\.ids) == Array(0..<count))
            #expect(told.map(\.continuesSentence) == windows.indices.map { $0 > 0 })
            for (window, told) in zip(windows, told) {
                for (word, place) in zip(told.ids, told.tokens) {
                    let alone = try tokenizer.tokenize(words: [words[word]], truncation: nil)
                    let first = alone.isSpecial.firstIndex(of: false)
                    #expect((place == nil) == (first == nil), "a word with tokens has one in the window that tells it")
                    if let place, let first {
                        #expect(window.ids[place] == alone.ids[first] && window.words[place] == word)
                    }
                }
            }
        }
    }

    @Test func windowsAreFullAndOverlapByAQuarter() throws {
        let windows = try head.texts(
            of: TextInput(words: [String](repeating: "team", count: 100)), tokenizer, limit: 34)
        #expect(windows.map(\.count) == [34, 34, 34, 30])
        #expect(windows.map { $0.words.compactMap { $0 }.first } == [0, 24, 48, 72])
        #expect(told(windows, 100).map { $0.ids.count } == [28, 24, 24, 24])
        for window in windows {
            #expect(window.isSpecial.map { $0 } == [true] + [Bool](repeating: false, count: window.count - 2) + [true])
        }
    }

    @Test func aSentenceThatFitsIsReadAsItIs() throws {
        let words = ["the", "team", "won"]
        let windows = try head.texts(of: TextInput(words: words), tokenizer, limit: 5)
        #expect(windows == [try tokenizer.tokenize(words: words, truncation: nil)])
    }

    @Test func aLimitWithoutRoomForAWordIsRefused() {
        #expect(throws: TokenizerError.self) { try head.texts(of: "the team won", tokenizer, limit: 2) }
    }

    @Test func windowsAreScoredAsTheSentenceThatTheyAre() {
        func logits(_ ids: [Int]) -> Matrix {
            Matrix(rows: ids.count, columns: 3, values: ids.flatMap { id in (0..<3).map { $0 == id ? 1 : 0 as Float } })
        }
        // B-x I-x | I-x O, cut inside the entity; then a sentence that begins with I-x.
        let targets = [
            Target.words(.init(ids: [1, 2], tokens: [0, 1])),
            .words(.init(ids: [2, 0], tokens: [1, 2], continuesSentence: true)),
            .words(.init(ids: [2, 0], tokens: [0, nil])),
        ]
        let outputs = [logits([1, 2]), logits([0, 2, 0]), logits([2])]
        let scores = head.scores(outputs, targets).tagging
        #expect(
            scores
                == TaggingMetrics(
                    targets: [["B-x", "I-x", "I-x", "O"], ["I-x", "O"]],
                    predictions: [["B-x", "I-x", "I-x", "O"], ["I-x", "O"]]))
        #expect(scores?.f1 == 1 && scores?.support == 2)
    }
}
