/// A normalized text on its way through the pre-tokenizers: its scalars, and which ranges of them are words.
struct SplitText {
    private(set) var text: NormalizedText
    /// The words, in order; none is empty. What is in none is gone.
    private(set) var words: [Range<Int>]

    /// One word: a range of a text.
    init(_ text: NormalizedText, _ range: Range<Int>) {
        self.text = text
        words = range.isEmpty ? [] : [range]
    }

    /// Splits each word to ranges of its scalars; empty ones are left out.
    mutating func split(_ body: ([UInt32], Range<Int>) -> [Range<Int>]) {
        words = words.flatMap { body(text.scalars, $0).filter { !$0.isEmpty } }
    }

    /// Writes each word anew, each as one or more words.
    ///
    /// - Parameter body: gets the text, the range of a word, and what is written so far. It appends scalars with their
    ///   originals to the `Draft` and ends words there; what it leaves unfinished is a word too.
    mutating func rewrite(_ body: (NormalizedText, Range<Int>, inout Draft) -> Void) {
        var draft = Draft(capacity: text.count + words.count)
        for word in words {
            body(text, word, &draft)
            draft.endWord()
        }
        text = draft.text
        words = draft.words
    }

    /// A text that is being written word by word.
    struct Draft {
        fileprivate var text = NormalizedText([])
        fileprivate var words: [Range<Int>] = []
        private var start = 0

        fileprivate init(capacity: Int) { text.reserveCapacity(capacity) }

        /// Whether the word being written has no scalar yet.
        var isAtWordStart: Bool { text.count == start }

        /// Adds a scalar whose original is `start..<end`.
        @inline(__always)
        mutating func append(_ scalar: UInt32, _ start: Int32, _ end: Int32) { text.append(scalar, start, end) }

        /// Ends the word being written, if it has a scalar.
        mutating func endWord() {
            guard !isAtWordStart else { return }
            words.append(start..<text.count)
            start = text.count
        }
    }
}
