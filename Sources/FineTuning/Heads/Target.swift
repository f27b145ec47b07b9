/// What is known about one text that is learned from or scored on, in numbers.
public enum Target: Sendable, Hashable {
    /// The label id of the text.
    case label(Int)
    /// The label ids of words in a sentence, or in a window of one.
    case words(WordLabels)

    /// The labels of the words that are told by one text. What else the text holds is context.
    public struct WordLabels: Sendable, Hashable {
        /// The label id of each word, in their order.
        public let ids: [Int]
        /// The place of each word's first token in the text; nil for a word that no token is left of.
        public let tokens: [Int?]
        /// Whether the text is not the first window of its sentence.
        public let continuesSentence: Bool

        /// As many ids as places.
        public init(ids: [Int], tokens: [Int?], continuesSentence: Bool = false) {
            precondition(ids.count == tokens.count, "each word has a label and a place")
            (self.ids, self.tokens, self.continuesSentence) = (ids, tokens, continuesSentence)
        }
    }
}

extension Target {
    /// The label id of a text that has one.
    var label: Int {
        guard case .label(let id) = self else { preconditionFailure("this head learns a label for each text") }
        return id
    }

    /// The labels of a text whose words have some.
    var words: WordLabels {
        guard case .words(let words) = self else { preconditionFailure("this head learns a label for each word") }
        return words
    }

    /// All that it says as numbers, alike only for targets that are equal.
    var numbers: [Int32] {
        switch self {
        case .label(let id): [0, Int32(id)]
        case .words(let words):
            [words.continuesSentence ? 2 : 1, Int32(words.ids.count)] + words.ids.map(Int32.init)
                + words.tokens.map { Int32($0 ?? -1) }
        }
    }
}
