/// What is known about one text that is learned from or scored on, in numbers.
public enum Target: Sendable, Hashable {
    /// The label id of the text.
    case label(Int)
    /// The label ids of the text, in ascending order; any number of them.
    case labels([Int])
    /// The number that the text is to be told.
    case number(Float)
    /// The label ids of words in a sentence, or in a window of one.
    case words(WordLabels)
    /// The text's place in its example, for examples of several texts that each are read alone.
    case related(RelatedText)

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

    /// One text of a pair or a triplet.
    public struct RelatedText: Sendable, Hashable {
        /// The places in an example, in the order of its texts.
        public enum Place: Int, Sendable {
            /// The first text: with it an example begins.
            case first
            /// The text that belongs to the first.
            case second
            /// The text that does not.
            case negative
        }

        /// Where it stands.
        public let place: Place
        /// How alike the first two texts of its example are; nil where that is not said.
        public let score: Float?
        /// Alike for texts of the same tokens, and for no others that are likely to be met.
        public let content: UInt64

        /// The given facts.
        public init(_ place: Place, score: Float?, content: UInt64) {
            (self.place, self.score, self.content) = (place, score, content)
        }
    }
}

extension Target {
    /// The label id of a text that has one.
    var label: Int {
        guard case .label(let id) = self else { preconditionFailure("this head learns a label for each text") }
        return id
    }

    /// The label ids of a text that has any number of them.
    var labels: [Int] {
        guard case .labels(let ids) = self else { preconditionFailure("this head learns labels for each text") }
        return ids
    }

    /// The number of a text that has one.
    var number: Float {
        guard case .number(let number) = self else { preconditionFailure("this head learns a number for each text") }
        return number
    }

    /// The labels of a text whose words have some.
    var words: WordLabels {
        guard case .words(let words) = self else { preconditionFailure("this head learns a label for each word") }
        return words
    }

    /// The place of a text that is one of several.
    var related: RelatedText {
        guard case .related(let text) = self else { preconditionFailure("this head learns how texts are related") }
        return text
    }

    /// All that it says as numbers, alike only for targets that are equal.
    var numbers: [Int32] {
        switch self {
        case .label(let id): [0, Int32(id)]
        case .words(let words):
            [words.continuesSentence ? 2 : 1, Int32(words.ids.count)] + words.ids.map(Int32.init)
                + words.tokens.map { Int32($0 ?? -1) }
        case .labels(let ids): [3, Int32(ids.count)] + ids.map(Int32.init)
        case .number(let number): [4, Int32(bitPattern: number.bitPattern)]
        // The text's content is hashed beside its target.
        case .related(let text):
            [
                5, Int32(text.place.rawValue), text.score == nil ? 0 : 1,
                Int32(bitPattern: (text.score ?? 0).bitPattern),
            ]
        }
    }
}
