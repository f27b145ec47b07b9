/// Where grapheme clusters end (UAX #29, extended), as Hugging Face tokenizers has it.
///
/// Made when it is first asked for: only SentencePiece's character maps and the pre-tokenizer `Digits` do.
struct GraphemeBreaks: Sendable {
    static let shared = GraphemeBreaks()

    private struct Traits: OptionSet {
        let rawValue: UInt32

        static let control = Traits(rawValue: 1)
        static let extend = Traits(rawValue: 2)
        static let spacingMark = Traits(rawValue: 4)
        static let prepend = Traits(rawValue: 8)
        static let pictographic = Traits(rawValue: 16)
        static let conjunctConsonant = Traits(rawValue: 32)
        static let conjunctLinker = Traits(rawValue: 64)
        static let leadingJamo = Traits(rawValue: 128)
        static let vowelJamo = Traits(rawValue: 256)
        static let trailingJamo = Traits(rawValue: 512)
        /// A syllable without trailing consonant.
        static let openSyllable = Traits(rawValue: 1024)
        static let closedSyllable = Traits(rawValue: 2048)
        static let numeric = Traits(rawValue: 4096)
    }

    private static let (carriageReturn, lineFeed): (UInt32, UInt32) = (0x0D, 0x0A)
    private static let (joiner, nonJoiner): (UInt32, UInt32) = (0x200D, 0x200C)

    private let table: ScalarTable

    private init() {
        var table = ScalarTable.Builder()
        for (facts, trait) in [
            (SegmentationFacts.control, Traits.control),
            (SegmentationFacts.extend, .extend),
            (SegmentationFacts.spacingMark, .spacingMark),
            (SegmentationFacts.prepend, .prepend),
            (SegmentationFacts.pictographic, .pictographic),
            (SegmentationFacts.conjunctConsonant, .conjunctConsonant),
            (SegmentationFacts.conjunctLinker, .conjunctLinker),
            (SegmentationFacts.leadingJamo, .leadingJamo),
            (SegmentationFacts.vowelJamo, .vowelJamo),
            (SegmentationFacts.trailingJamo, .trailingJamo),
            (SegmentationFacts.numeric, .numeric),
        ] {
            var reader = FactReader(facts)
            var position = 0
            while let gap = reader.number(), let length = reader.number() {
                table.insert(trait.rawValue, in: position + gap..<position + gap + length)
                position += gap + length
            }
        }
        table.insert(Traits.closedSyllable.rawValue, in: Hangul.syllables)
        for syllable in stride(from: Hangul.syllables.lowerBound, to: Hangul.syllables.upperBound, by: 28) {
            table.set(Traits.openSyllable.rawValue, in: syllable..<syllable + 1)
        }
        self.table = table.table()
    }

    private func traits(_ scalar: UInt32) -> Traits { Traits(rawValue: table[scalar]) }

    /// Whether a scalar is a digit or another number.
    func isNumeric(_ scalar: UInt32) -> Bool { traits(scalar).contains(.numeric) }

    /// Where the cluster that starts at a position ends.
    func clusterEnd(in scalars: [UInt32], from start: Int) -> Int {
        var traitsBefore = traits(scalars[start])
        if scalars[start] == Self.carriageReturn, start + 1 < scalars.count, scalars[start + 1] == Self.lineFeed {
            return start + 2
        }
        guard !traitsBefore.contains(.control) else { return start + 1 }
        // A pictograph, and what extends it, before a joiner; then the joiner.
        var (isPictograph, isJoined) = (traitsBefore.contains(.pictographic), false)
        // A consonant, and what extends it; then a linker among that.
        var (isConsonant, isLinked) = (traitsBefore.contains(.conjunctConsonant), false)
        var end = start + 1
        while end < scalars.count {
            let scalar = scalars[end]
            let next = traits(scalar)
            guard !next.contains(.control) else { break }
            let isMark = next.contains(.extend) || scalar == Self.joiner
            let belongs =
                isMark || next.contains(.spacingMark) || traitsBefore.contains(.prepend)
                || Self.isSyllable(traitsBefore, next) || (isJoined && next.contains(.pictographic))
                || (isConsonant && isLinked && next.contains(.conjunctConsonant))
            guard belongs else { break }
            isJoined = isPictograph && scalar == Self.joiner
            isPictograph = next.contains(.pictographic) || (isPictograph && next.contains(.extend))
            isLinked = isMark && scalar != Self.nonJoiner && (isLinked || next.contains(.conjunctLinker))
            isConsonant = next.contains(.conjunctConsonant) || (isConsonant && isMark && scalar != Self.nonJoiner)
            traitsBefore = next
            end += 1
        }
        return end
    }

    /// Whether two scalars are parts of one Hangul syllable.
    private static func isSyllable(_ first: Traits, _ second: Traits) -> Bool {
        if first.contains(.leadingJamo) {
            return !second.isDisjoint(with: [.leadingJamo, .vowelJamo, .openSyllable, .closedSyllable])
        }
        if !first.isDisjoint(with: [.vowelJamo, .openSyllable]) {
            return !second.isDisjoint(with: [.vowelJamo, .trailingJamo])
        }
        return !first.isDisjoint(with: [.trailingJamo, .closedSyllable]) && second.contains(.trailingJamo)
    }
}
