/// A token found in the text before, or after, it is normalized, whatever the model would make of it.
struct AddedToken: Equatable, Sendable {
    var content: String
    var id: Int32
    /// Only found where no word character stands beside it.
    var isSingleWord = false
    /// Takes the white space before it.
    var stripsLeft = false
    /// Takes the white space after it.
    var stripsRight = false
    /// Found in the normalized text, in its own normalized form.
    var isNormalized = false
    var isSpecial = false
}

/// The added tokens of a tokenizer, ready to be found.
struct AddedTokens: Sendable {
    /// All, by id.
    let tokens: [AddedToken]
    private let ids: Set<Int32>
    /// Bit `id % 64` is set for each of the ids: most others need no look into the set.
    private let idFilter: UInt64
    private let verbatim: Matcher
    private let normalized: Matcher

    init(_ tokens: [AddedToken], normalizer: Normalizer?) {
        self.tokens = tokens
        ids = Set(tokens.map(\.id))
        idFilter = tokens.reduce(0) { $0 | 1 << UInt64($1.id & 63) }
        // Special tokens come first, so that they win over an equal pattern.
        let ordered = tokens.filter(\.isSpecial) + tokens.filter { !$0.isSpecial }
        verbatim = Matcher(ordered.filter { !$0.isNormalized }.map { ($0.content.unicodeScalars.map(\.value), $0) })
        normalized = Matcher(
            ordered.filter(\.isNormalized).map { token in
                var text = NormalizedText(token.content.unicodeScalars.map(\.value))
                normalizer?.apply(to: &text)
                return (text.scalars, token)
            })
    }

    /// A stretch of scalars: an added token, or text.
    struct Part: Equatable {
        let range: Range<Int>
        let id: Int32?
    }

    /// The id of an added token.
    func id(of content: String) -> Int32? { tokens.first { $0.content.isExactly(content) }?.id }

    /// Whether an id is that of an added token.
    func has(_ id: Int32) -> Bool { idFilter >> UInt64(id & 63) & 1 == 1 && ids.contains(id) }

    /// The tokens that are found in the text as given.
    var foundVerbatim: [String] { tokens.filter { !$0.isNormalized }.map(\.content) }

    /// What is looked for in the normalized text.
    var normalizedPatterns: [[UInt32]] { normalized.all }

    /// Cuts the text as given.
    func splitVerbatim(_ scalars: [UInt32]) -> [Part] { verbatim.split(scalars) }

    /// Cuts a normalized text.
    func splitNormalized(_ scalars: [UInt32]) -> [Part] { normalized.split(scalars) }

    /// Finds patterns: the leftmost, of those the longest, of those the first.
    private struct Matcher {
        /// By first scalar.
        private var patterns: [UInt32: [(scalars: [UInt32], token: AddedToken)]] = [:]
        /// By the low byte of a scalar: whether a pattern may start with it. Most scalars need no closer look.
        private var mayStart = [Bool](repeating: false, count: 256)

        init(_ patterns: [([UInt32], AddedToken)]) {
            for (scalars, token) in patterns {
                guard let first = scalars.first else { continue }
                self.patterns[first, default: []].append((scalars, token))
                mayStart[Int(first & 0xFF)] = true
            }
        }

        var all: [[UInt32]] { patterns.values.flatMap { $0.map(\.scalars) } }

        func split(_ scalars: [UInt32]) -> [Part] {
            guard !patterns.isEmpty else {
                return scalars.isEmpty ? [] : [Part(range: 0..<scalars.count, id: nil)]
            }
            let tables = UnicodeTables.shared
            func isWord(_ index: Int) -> Bool { tables[scalars[index]].contains(.word) }
            func isSpace(_ index: Int) -> Bool { tables[scalars[index]].contains(.whitespace) }

            var parts: [Part] = []
            var done = 0  // what is already in `parts`
            var position = 0
            while position < scalars.count {
                guard let (length, token) = match(at: position, in: scalars) else {
                    position += 1
                    continue
                }
                var (start, end) = (position, position + length)
                position = end
                if token.isSingleWord, (start > 0 && isWord(start - 1)) || (end < scalars.count && isWord(end)) {
                    continue
                }
                if token.stripsLeft {
                    while start > done, isSpace(start - 1) { start -= 1 }
                }
                if token.stripsRight {
                    while end < scalars.count, isSpace(end) { end += 1 }
                }
                if done < start { parts.append(Part(range: done..<start, id: nil)) }
                parts.append(Part(range: start..<end, id: token.id))
                done = end
            }
            if done < scalars.count { parts.append(Part(range: done..<scalars.count, id: nil)) }
            return parts
        }

        private func match(at position: Int, in scalars: [UInt32]) -> (length: Int, token: AddedToken)? {
            guard mayStart[Int(scalars[position] & 0xFF)], let candidates = patterns[scalars[position]] else {
                return nil
            }
            var best: (length: Int, token: AddedToken)?
            for candidate in candidates where candidate.scalars.count > best?.length ?? 0 {
                if scalars[position...].starts(with: candidate.scalars) {
                    best = (candidate.scalars.count, candidate.token)
                }
            }
            return best
        }
    }
}
