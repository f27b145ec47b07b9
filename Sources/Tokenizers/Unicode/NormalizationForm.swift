/// The four normalization forms of Unicode (UAX #15), with the changes of place that `NormalizedText` needs.
enum NormalizationForm: String, CaseIterable, Sendable {
    case nfd = "NFD"
    case nfkd = "NFKD"
    case nfc = "NFC"
    case nfkc = "NFKC"

    func apply(to text: inout NormalizedText) {
        let tables = UnicodeTables.shared
        let isAffected = text.scalars.contains { $0 >= 0xC0 || ($0 >= 0xA0 && isCompatible) }
        guard isAffected else { return }
        let decomposed = decomposition(of: text.scalars, tables)
        text.replace(with: self == .nfc || self == .nfkc ? composition(of: decomposed, tables) : decomposed)
    }

    private var isCompatible: Bool { self == .nfkd || self == .nfkc }

    /// Decomposes, then sorts each run of non-starters by combining class, keeping the order within a class.
    private func decomposition(of scalars: [UInt32], _ tables: UnicodeTables) -> [NormalizedText.Change] {
        var result: [NormalizedText.Change] = []
        result.reserveCapacity(scalars.count * 2)
        var classes: [UInt8] = []
        var pending = 0  // where the run of non-starters begins

        func sortPending() {
            guard result.count - pending > 1 else { return }
            let order = (pending..<result.count).sorted { (classes[$0], $0) < (classes[$1], $1) }
            let sorted = order.map { result[$0] }
            result.replaceSubrange(pending..., with: sorted)
        }
        func append(_ scalar: UInt32, isFirst: Bool) {
            let combiningClass = tables[scalar].combiningClass
            if combiningClass == 0 { sortPending() }
            result.append(.init(scalar: scalar, change: isFirst ? 0 : 1))
            classes.append(combiningClass)
            if combiningClass == 0 { pending = result.count }
        }

        for scalar in scalars {
            let traits = tables[scalar]
            var isFirst = true
            let body: (UInt32) -> Void = {
                append($0, isFirst: isFirst)
                isFirst = false
            }
            if traits.contains(.hangulSyllable) {
                Hangul.decompose(scalar, body)
            } else if isCompatible, traits.contains(.hasCompatibleDecomposition) {
                tables.compatibleDecomposition.targets(of: scalar)?.forEach(body)
            } else if traits.contains(.hasCanonicalDecomposition) {
                tables.canonicalDecomposition.targets(of: scalar)?.forEach(body)
            } else {
                body(scalar)
            }
        }
        sortPending()
        return result
    }

    /// Composes what a starter and the marks after it compose to, unless a mark of the same or a higher class, or a
    /// starter, stands between.
    private func composition(
        of changes: [NormalizedText.Change], _ tables: UnicodeTables
    ) -> [NormalizedText.Change] {
        var result: [NormalizedText.Change] = []
        result.reserveCapacity(changes.count)
        var starter: Int?  // index in `result`
        var lastClass: UInt8?  // class of what stands last after the starter

        for change in changes {
            let combiningClass = tables[change.scalar].combiningClass
            if let starter, lastClass.map({ $0 < combiningClass }) ?? true,
                let composed = tables.composition(of: result[starter].scalar, change.scalar)
            {
                result[starter] = .init(scalar: composed, change: result[starter].change + change.change - 1)
                continue
            }
            result.append(change)
            if combiningClass == 0 {
                (starter, lastClass) = (result.count - 1, nil)
            } else if starter != nil {
                lastClass = combiningClass
            }
        }
        return result
    }
}
