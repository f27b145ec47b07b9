/// A stage that changes the text before it is split: the `normalizer` of tokenizer.json.
enum Normalizer: Equatable, Sendable {
    case bert(BertNormalizer)
    case form(NormalizationForm)
    case lowercase
    case stripAccents
    case strip(left: Bool, right: Bool)
    case replace(pattern: [UInt32], content: [UInt32])
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
        case .sequence(let normalizers):
            for normalizer in normalizers { normalizer.apply(to: &text) }
        }
    }
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
