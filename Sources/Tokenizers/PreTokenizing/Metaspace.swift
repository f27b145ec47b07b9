/// SentencePiece's way with spaces: each becomes a visible mark, which starts a word.
struct Metaspace: Equatable, Sendable {
    /// Which words get a mark at their start, unless they have one.
    enum Prepending: String, CaseIterable, Sendable {
        case always
        /// The one the whole text starts with.
        case first
        case never
    }

    /// The mark, `▁`.
    let replacement: UInt32
    let prepending: Prepending
    /// Whether a mark starts a word of its own.
    let splits: Bool

    func apply(to text: inout SplitText) {
        text.rewrite { text, word, draft in
            var first = text.scalars[word.lowerBound]
            if first == 0x20 { first = replacement }
            let isFirst = prepending == .always || prepending == .first && text.starts[word.lowerBound] == 0
            if isFirst, first != replacement {
                // It shares the origin of what it stands before.
                draft.append(replacement, text.starts[word.lowerBound], text.ends[word.lowerBound])
            }
            for index in word {
                let scalar = text.scalars[index] == 0x20 ? replacement : text.scalars[index]
                if splits, scalar == replacement { draft.endWord() }
                draft.append(scalar, text.starts[index], text.ends[index])
            }
        }
    }
}
