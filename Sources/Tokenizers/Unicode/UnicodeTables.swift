/// What one Unicode scalar value is, in 32 bits: a few flags and its canonical combining class.
struct ScalarTraits: OptionSet, Hashable, Sendable {
    let rawValue: UInt32

    static let whitespace = ScalarTraits(rawValue: 1)
    static let removedByCleaning = ScalarTraits(rawValue: 2)
    static let chinese = ScalarTraits(rawValue: 4)
    static let punctuation = ScalarTraits(rawValue: 8)
    static let word = ScalarTraits(rawValue: 16)
    static let nonspacingMark = ScalarTraits(rawValue: 32)
    static let combiningMark = ScalarTraits(rawValue: 64)
    static let hasLowercase = ScalarTraits(rawValue: 128)
    static let hasCanonicalDecomposition = ScalarTraits(rawValue: 256)
    static let hasCompatibleDecomposition = ScalarTraits(rawValue: 512)
    static let hangulSyllable = ScalarTraits(rawValue: 1024)
    static let letter = ScalarTraits(rawValue: 2048)
    static let number = ScalarTraits(rawValue: 4096)

    /// The canonical combining class, 0 for a starter.
    var combiningClass: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 24) }

    static func combiningClass(_ value: UInt32) -> ScalarTraits { ScalarTraits(rawValue: value << 24) }
}

/// The Unicode facts of Hugging Face tokenizers, made ready for looking up.
///
/// Swift's own properties are not used: their version is that of the toolchain (on Apple systems, of the system), while
/// ids must equal those of the Rust library, whose tables are of several older versions.
struct UnicodeTables: Sendable {
    static let shared = UnicodeTables()

    let traits: ScalarTable
    let lowercase: ScalarMapping
    let canonicalDecomposition: ScalarMapping
    /// Where it differs from the canonical one.
    let compatibleDecomposition: ScalarMapping
    /// first << 32 | second → composed, without Hangul.
    let compositions: [UInt64: UInt32]

    private init() {
        lowercase = ScalarMapping(UnicodeFacts.lowercase)
        canonicalDecomposition = ScalarMapping(UnicodeFacts.canonicalDecomposition)
        compatibleDecomposition = ScalarMapping(UnicodeFacts.compatibleDecomposition)

        var table = ScalarTable.Builder()
        for (facts, trait) in [
            (UnicodeFacts.whitespace, ScalarTraits.whitespace),
            (UnicodeFacts.removedByCleaning, .removedByCleaning),
            (UnicodeFacts.chinese, .chinese),
            (UnicodeFacts.punctuation, .punctuation),
            (UnicodeFacts.word, .word),
            (UnicodeFacts.letter, .letter),
            (UnicodeFacts.number, .number),
            (UnicodeFacts.nonspacingMark, .nonspacingMark),
            (UnicodeFacts.combiningMark, .combiningMark),
        ] {
            var reader = FactReader(facts)
            var position = 0
            while let gap = reader.number(), let length = reader.number() {
                table.insert(trait.rawValue, in: position + gap..<position + gap + length)
                position += gap + length
            }
        }
        var reader = FactReader(UnicodeFacts.combiningClass)
        var position = 0
        while let gap = reader.number(), let length = reader.number(), let value = reader.number() {
            let traits = ScalarTraits.combiningClass(UInt32(value))
            table.insert(traits.rawValue, in: position + gap..<position + gap + length)
            position += gap + length
        }
        for (mapping, trait) in [
            (lowercase, ScalarTraits.hasLowercase),
            (canonicalDecomposition, .hasCanonicalDecomposition),
            (compatibleDecomposition, .hasCompatibleDecomposition),
        ] {
            for scalar in mapping.scalars { table.insert(trait.rawValue, in: Int(scalar)..<Int(scalar) + 1) }
        }
        table.insert(ScalarTraits.hangulSyllable.rawValue, in: Hangul.syllables)
        traits = table.table()

        let pairs = ScalarMapping(UnicodeFacts.composition)
        var compositions: [UInt64: UInt32] = [:]
        compositions.reserveCapacity(pairs.scalars.count)
        for (index, composed) in pairs.scalars.enumerated() {
            let pair = pairs.targets(at: index)
            compositions[UInt64(pair[pair.startIndex]) << 32 | UInt64(pair[pair.startIndex + 1])] = composed
        }
        self.compositions = compositions
    }

    subscript(scalar: UInt32) -> ScalarTraits { ScalarTraits(rawValue: traits[scalar]) }

    /// The scalar two others compose to, nil where they do not.
    func composition(of first: UInt32, _ second: UInt32) -> UInt32? {
        Hangul.composition(of: first, second) ?? compositions[UInt64(first) << 32 | UInt64(second)]
    }
}

/// The arithmetic of Hangul syllables (Unicode Standard, section 3.12).
enum Hangul {
    static let syllables = 0xAC00..<0xAC00 + 11172
    private static let (leading, vowel, trailing): (UInt32, UInt32, UInt32) = (0x1100, 0x1161, 0x11A7)
    private static let (vowels, trailings): (UInt32, UInt32) = (21, 28)

    /// Gives the two or three letters of a syllable, in order.
    static func decompose(_ syllable: UInt32, _ body: (UInt32) -> Void) {
        let index = syllable - UInt32(syllables.lowerBound)
        body(leading + index / (vowels * trailings))
        body(vowel + index % (vowels * trailings) / trailings)
        if index % trailings != 0 { body(trailing + index % trailings) }
    }

    static func composition(of first: UInt32, _ second: UInt32) -> UInt32? {
        let base = UInt32(syllables.lowerBound)
        if (leading..<leading + 19).contains(first), (vowel..<vowel + vowels).contains(second) {
            return base + ((first - leading) * vowels + second - vowel) * trailings
        }
        let isPair = syllables.contains(Int(first)) && (first - base) % trailings == 0
        if isPair, (trailing + 1..<trailing + trailings).contains(second) { return first + second - trailing }
        return nil
    }
}
