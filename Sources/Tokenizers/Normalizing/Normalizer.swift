/// A stage that changes the text before it is split: the `normalizer` of tokenizer.json.
enum Normalizer: Equatable, Sendable {
    case bert(BertNormalizer)
    case form(NormalizationForm)
    case lowercase
    case stripAccents
    case strip(left: Bool, right: Bool)
    case replace(Pattern, content: [UInt32])
    case prepend([UInt32])
    /// Control characters go, and what else SentencePiece's `nmt` rules hold white space becomes a space.
    case machineTranslation
    case characterMap(CharacterMap)
    case sequence([Normalizer])

    func apply(to text: inout NormalizedText) {
        let tables = UnicodeTables.shared
        switch self {
        case .bert(let normalizer): normalizer.apply(to: &text)
        case .form(let form): form.apply(to: &text)
        case .lowercase: text.lowercase()
        case .stripAccents: text.filter { !tables[$0].contains(.combiningMark) }
        case .strip(let left, let right):
            let isText = { (scalar: UInt32) in !tables[scalar].contains(.whitespace) }
            let first = left ? text.scalars.firstIndex(where: isText) ?? text.count : 0
            let last = right ? text.scalars.lastIndex(where: isText).map { $0 + 1 } ?? 0 : text.count
            text.keep(first..<max(first, last))
        case .replace(let pattern, let content): text.replace(pattern, with: content)
        case .prepend(let content): text.prepend(content)
        case .machineTranslation:
            text.filter { !Self.removedByMachineTranslation.contains($0) }
            text.map { Self.spacesOfMachineTranslation.contains($0) ? 0x20 : $0 }
        case .characterMap(let map): map.apply(to: &text)
        case .sequence(let normalizers):
            for normalizer in normalizers { normalizer.apply(to: &text) }
        }
    }
}

extension Normalizer {
    private static let removedByMachineTranslation: Set<UInt32> = Set(
        Array(0x01...0x08) + [0x0B] + Array(0x0E...0x1F) + [0x7F, 0x8F, 0x9F])
    private static let spacesOfMachineTranslation: Set<UInt32> = Set(
        [0x09, 0x0A, 0x0C, 0x0D, 0x1680] + Array(0x200B...0x200F) + [0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD])
}

/// The normalizer of BERT: four steps, each on or off, in this order.
struct BertNormalizer: Hashable, Sendable {
    /// Control characters go, white space becomes a space.
    let cleansText: Bool
    /// A space goes before and after each Chinese character, so that each is a word.
    let separatesChinese: Bool
    /// Decomposed (NFD) and without nonspacing marks.
    let stripsAccents: Bool
    /// Lower case, scalar by scalar.
    let lowercases: Bool

    func apply(to text: inout NormalizedText) {
        let tables = UnicodeTables.shared
        if cleansText {
            text.filter { !tables[$0].contains(.removedByCleaning) }
            text.map { tables[$0].contains(.whitespace) ? 0x20 : $0 }
        }
        if separatesChinese, text.scalars.contains(where: { tables[$0].contains(.chinese) }) {
            var changes: [NormalizedText.Change] = []
            for scalar in text.scalars {
                if tables[scalar].contains(.chinese) {
                    // The space takes the character's place, and the character and the second space are new there.
                    changes += [
                        .init(scalar: 0x20, change: 0), .init(scalar: scalar, change: 1),
                        .init(scalar: 0x20, change: 1),
                    ]
                } else {
                    changes.append(.init(scalar: scalar, change: 0))
                }
            }
            text.replace(with: changes)
        }
        if stripsAccents {
            NormalizationForm.nfd.apply(to: &text)
            text.filter { !tables[$0].contains(.nonspacingMark) }
        }
        if lowercases { text.lowercase() }
    }
}

extension NormalizedText {
    /// Lower case, scalar by scalar, whatever stands around (so a final sigma is σ).
    mutating func lowercase() {
        let tables = UnicodeTables.shared
        var changes: [Change] = []
        changes.reserveCapacity(count)
        for scalar in scalars {
            if tables[scalar].contains(.hasLowercase), let targets = tables.lowercase.targets(of: scalar) {
                for (index, target) in targets.enumerated() {
                    changes.append(.init(scalar: target, change: index > 0 ? 1 : 0))
                }
            } else {
                changes.append(.init(scalar: scalar, change: 0))
            }
        }
        replace(with: changes)
    }
}
