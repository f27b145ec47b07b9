/// The character map of SentencePiece: the normalizer `Precompiled` of tokenizer.json.
///
/// Its bytes are the length of a double-array trie (Darts), the trie, and the texts it leads to, each ended by a NUL.
/// Looked up is a grapheme cluster of less than six bytes, else each scalar; of all the keys the text starts with, the
/// shortest counts, even where it is not the whole cluster. That is how the Rust library does it.
struct CharacterMap: Equatable, Sendable {
    private let targets: Targets
    /// ASCII scalars the map leaves alone.
    private let plain: [Bool]

    /// Clusters of fewer bytes are looked up as a whole.
    private static let clusterLimit = 6

    /// - Parameter bytes: `precompiled_charsmap` as raw bytes; nil where it is none.
    init?(_ bytes: [UInt8]) {
        guard let targets = Targets(bytes) else { return nil }
        self.targets = targets
        plain = (0..<0x80).map { targets[[$0]] == nil }
    }

    func apply(to text: inout NormalizedText) {
        let scalars = text.scalars
        guard !scalars.allSatisfy({ $0 < 0x80 && plain[Int($0)] }) else { return }
        let breaks = GraphemeBreaks.shared
        var draft = Draft(capacity: scalars.count)
        var key: [UInt8] = []
        var start = 0
        while start < scalars.count {
            // Most are ASCII beside ASCII: a cluster each, except CR before LF.
            let scalar = scalars[start]
            let isAlone = start + 1 == scalars.count || scalars[start + 1] < 0x80
            if scalar < 0x80, isAlone, plain[Int(scalar)] {
                draft.keep(scalar)
                start += 1
                continue
            }
            let end = breaks.clusterEnd(in: scalars, from: start)
            key.removeAll(keepingCapacity: true)
            for scalar in scalars[start..<end] {
                key.append(utf8Of: scalar)
                if key.count >= Self.clusterLimit { break }
            }
            if key.count < Self.clusterLimit, let target = targets[key] {
                draft.replace(end - start, with: target)
            } else {
                for scalar in scalars[start..<end] {
                    key.removeAll(keepingCapacity: true)
                    key.append(utf8Of: scalar)
                    if let target = targets[key] {
                        draft.replace(1, with: target)
                    } else {
                        draft.keep(scalar)
                    }
                }
            }
            start = end
        }
        if draft.isChanged { text.replace(with: draft.changes) }
    }

    /// Keys and the texts they become.
    private struct Targets: Equatable, Sendable {
        private let trie: [UInt32]
        private let texts: [UInt8]

        init?(_ bytes: [UInt8]) {
            guard bytes.count >= 4 else { return nil }
            func number(at offset: Int) -> UInt32 {
                (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
            }
            let size = Int(number(at: 0)) & ~3
            guard size > 0, bytes.count - 4 >= size, String(validating: bytes[(4 + size)...], as: UTF8.self) != nil
            else { return nil }
            trie = (0..<size / 4).map { number(at: 4 + $0 * 4) }
            texts = Array(bytes[(4 + size)...])
        }

        /// What the shortest key becomes that some bytes start with; nil where there is none.
        subscript(key: [UInt8]) -> [UInt32]? {
            func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }
            var node = offset(trie[0])
            for byte in key {
                guard byte != 0 else { return nil }
                node ^= Int(byte)
                guard node < trie.count, trie[node] & (1 << 31 | 0xFF) == UInt32(byte) else { return nil }
                let endsKey = trie[node] >> 8 & 1 == 1
                node ^= offset(trie[node])
                guard endsKey else { continue }
                guard node < trie.count else { return nil }
                let start = Int(trie[node] & 0x7FFF_FFFF)
                guard start <= texts.count else { return nil }
                let text = texts[start...].prefix { $0 != 0 }
                return String(decoding: text, as: UTF8.self).unicodeScalars.map(\.value)
            }
            return nil
        }
    }

    /// The changes to a text so far, with the conventions of the Rust library on what is new and what is gone.
    private struct Draft {
        private(set) var changes: [NormalizedText.Change] = []
        private(set) var isChanged = false

        init(capacity: Int) { changes.reserveCapacity(capacity) }

        @inline(__always)
        mutating func keep(_ scalar: UInt32) { changes.append(.init(scalar: scalar, change: 0)) }

        /// Puts a text in place of the next scalars.
        mutating func replace(_ count: Int, with target: [UInt32]) {
            isChanged = true
            for (index, scalar) in target.enumerated() {
                changes.append(.init(scalar: scalar, change: index >= count ? 1 : 0))
            }
            // What is gone is noted with what stands before, wherever that came from; at the very start, nowhere.
            if target.count < count, !changes.isEmpty {
                changes[changes.count - 1].change -= count - target.count
            }
        }
    }
}

extension [UInt8] {
    /// Adds the UTF-8 bytes of a scalar value.
    mutating func append(utf8Of scalar: UInt32) {
        guard scalar >= 0x80 else { return append(UInt8(truncatingIfNeeded: scalar)) }
        if scalar < 0x800 {
            append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
        } else {
            if scalar < 0x10000 {
                append(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
            } else {
                append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
                append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F))
            }
            append(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
        }
        append(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
    }
}
