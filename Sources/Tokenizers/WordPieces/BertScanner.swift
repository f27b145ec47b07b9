/// BERT's normalizer, its pre-tokenizer and WordPiece in one pass over the UTF-8 bytes of a text.
///
/// It gives what the stages give one after the other, for texts in which each scalar becomes at most one other and
/// none changes places: nearly all. Where a scalar is met that needs more (a Hangul syllable, which falls into letters;
/// a mark that stays and must be sorted; an added token), it gives up, and the stages do the text from its beginning.
struct BertScanner: TextScanner {
    private let model: WordPiece
    /// What becomes of a scalar: the kind, and the scalar it becomes, 0 where it stays.
    private let table: ScalarTable
    /// The same for ASCII, with a mark on what opens an added token.
    private let ascii: [UInt32]
    /// The bytes of the added tokens found in the text as given.
    private let addedTokens: [[UInt8]]
    /// The bytes that added tokens found in the normalized text start with, in lower case: one of a token of one byte,
    /// else two.
    private let normalizedOpenings: [[UInt8]]

    private enum Entry {
        static let text: UInt32 = 0
        /// Goes, and leaves no gap.
        static let removed: UInt32 = 1 << 24
        /// Ends a word, and goes.
        static let space: UInt32 = 2 << 24
        /// Is a word.
        static let alone: UInt32 = 3 << 24
        /// Is for the stages.
        static let beyond: UInt32 = 4 << 24
        static let kind: UInt32 = 7 << 24
        static let target: UInt32 = 0xFF_FFFF
        static let opensAddedToken: UInt32 = 1 << 31
        static let opensNormalizedToken: UInt32 = 1 << 30
    }

    /// There is no scanner if an added token starts with a scalar beyond ASCII, or one found in the normalized text with
    /// a letter, a digit or a space: it would give up on most texts.
    init?(_ normalizer: BertNormalizer, _ model: WordPiece, _ addedTokens: AddedTokens) {
        self.model = model
        self.addedTokens = addedTokens.foundVerbatim.map { Array($0.utf8) }
        let openings = self.addedTokens.compactMap(\.first)
        let patterns = addedTokens.normalizedPatterns
        let tables = UnicodeTables.shared
        guard openings.allSatisfy({ $0 < 0x80 }),
            patterns.allSatisfy({ $0.prefix(2).allSatisfy { $0 < 0x80 } && tables[$0[0]].contains(.punctuation) })
        else { return nil }
        normalizedOpenings = patterns.map { $0.prefix(2).map { Self.lowercased(UInt8(truncatingIfNeeded: $0)) } }
        let normalized = Set(patterns.map { $0[0] })
        table = tables.traits.map { scalar, traits in
            let entry = Self.entry(scalar, ScalarTraits(rawValue: traits), normalizer, tables)
            return scalar >= 0x80 && normalized.contains(entry & Entry.target) ? Entry.beyond : entry
        }
        let table = table
        ascii = (0..<0x80).map { byte in
            table[UInt32(byte)] | (openings.contains(byte) ? Entry.opensAddedToken : 0)
                | (normalized.contains(UInt32(byte)) ? Entry.opensNormalizedToken : 0)
        }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    private static func entry(
        _ scalar: UInt32, _ traits: ScalarTraits, _ normalizer: BertNormalizer, _ tables: UnicodeTables
    ) -> UInt32 {
        if normalizer.cleansText, traits.contains(.removedByCleaning) { return Entry.removed }
        if traits.contains(.whitespace) { return Entry.space }
        var (target, targetTraits) = (scalar, traits)
        if normalizer.stripsAccents {
            if traits.contains(.hangulSyllable) { return Entry.beyond }
            if traits.contains(.hasCanonicalDecomposition) {
                let parts = tables.canonicalDecomposition.targets(of: scalar) ?? []
                let kept = parts.filter { !tables[$0].contains(.nonspacingMark) }
                guard let first = kept.first else { return Entry.removed }
                guard kept.count == 1 else { return Entry.beyond }
                (target, targetTraits) = (first, tables[first])
            } else if traits.contains(.nonspacingMark) {
                return Entry.removed
            }
            if targetTraits.combiningClass != 0 { return Entry.beyond }
        }
        if normalizer.lowercases, targetTraits.contains(.hasLowercase) {
            let lower = tables.lowercase.targets(of: target) ?? []
            guard lower.count == 1, let first = lower.first else { return Entry.beyond }
            (target, targetTraits) = (first, tables[first])
        }
        if targetTraits.contains(.whitespace) { return Entry.beyond }
        let isAlone = targetTraits.contains(.punctuation) || (normalizer.separatesChinese && traits.contains(.chinese))
        return (isAlone ? Entry.alone : Entry.text) | (target == scalar ? 0 : target)
    }

    func tokens(of text: String, atMost maximum: Int) -> Tokens? {
        var text = text
        return text.withUTF8 { tokens(of: $0, atMost: maximum) }
    }

    private func tokens(of utf8: UnsafeBufferPointer<UInt8>, atMost maximum: Int) -> Tokens? {
        var tokens = Tokens()
        tokens.reserveCapacity(min(maximum, utf8.count / 4 + 4))
        var word = WordBuffer(limit: model.longestWord, textLength: utf8.count)
        var wordIndex = 0
        var position = 0
        var scalarIndex: Int32 = 0

        func endWord() {
            guard !word.isEmpty else { return }
            model.spell(word, index: wordIndex, into: &tokens)
            wordIndex += 1
            word.removeAll()
        }

        while position < utf8.count, tokens.ids.count < maximum {
            let byte = utf8[position]
            var scalar = UInt32(byte)
            var entry: UInt32
            if byte < 0x80 {
                entry = ascii[Int(byte)]
                if entry & (Entry.opensAddedToken | Entry.opensNormalizedToken) != 0 {
                    if entry & Entry.opensAddedToken != 0, isAddedToken(at: position, utf8) { return nil }
                    if entry & Entry.opensNormalizedToken != 0, mayBeNormalizedToken(at: position, utf8) { return nil }
                    entry &= ~(Entry.opensAddedToken | Entry.opensNormalizedToken)
                }
                position += 1
            } else {
                scalar = Self.decode(utf8, &position)
                entry = table[scalar]
            }
            let target = entry & Entry.target
            if target != 0 { scalar = target }
            switch entry & Entry.kind {
            case Entry.text:
                if scalar < 0x80 {
                    word.append(ascii: UInt8(truncatingIfNeeded: scalar), scalarIndex, scalarIndex + 1)
                } else {
                    word.append(scalar, scalarIndex, scalarIndex + 1)
                }
            case Entry.space: endWord()
            case Entry.alone:
                endWord()
                word.append(scalar, scalarIndex, scalarIndex + 1)
                endWord()
            case Entry.removed: break
            default: return nil
            }
            scalarIndex += 1
        }
        endWord()
        return tokens
    }

    private func isAddedToken(at position: Int, _ utf8: UnsafeBufferPointer<UInt8>) -> Bool {
        addedTokens.contains { utf8[position...].starts(with: $0) }
    }

    /// Whether an added token may be found in the normalized text where an ASCII character stands: unless printable
    /// ASCII follows, which stays what it is but for its case, that cannot be told here.
    private func mayBeNormalizedToken(at position: Int, _ utf8: UnsafeBufferPointer<UInt8>) -> Bool {
        normalizedOpenings.contains { opening in
            guard opening[0] == utf8[position] else { return false }
            guard opening.count > 1 else { return true }
            guard position + 1 < utf8.count else { return false }
            let next = utf8[position + 1]
            return next == 0x7F || next < 0x20 || next >= 0x80 || Self.lowercased(next) == opening[1]
        }
    }

    /// The scalar at a position that is not ASCII. A string's UTF-8 is always valid.
    @inline(__always)
    private static func decode(_ utf8: UnsafeBufferPointer<UInt8>, _ position: inout Int) -> UInt32 {
        let first = UInt32(utf8[position])
        func next(_ offset: Int) -> UInt32 { UInt32(utf8[position + offset] & 0x3F) }
        switch first {
        case ..<0xE0:
            defer { position += 2 }
            return (first & 0x1F) << 6 | next(1)
        case ..<0xF0:
            defer { position += 3 }
            return (first & 0x0F) << 12 | next(1) << 6 | next(2)
        default:
            defer { position += 4 }
            return (first & 0x07) << 18 | next(1) << 12 | next(2) << 6 | next(3)
        }
    }
}
