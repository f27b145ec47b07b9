/// Which pairs of tokens merge, to what, and in which order: an open-addressing hash table in one flat array.
struct MergeTable: Sendable {
    /// A pair that merges.
    struct Merge {
        /// The lower, the sooner.
        let rank: UInt32
        /// What the pair becomes.
        let id: Int32
    }

    private struct Slot {
        /// Both ids, or all ones where the slot is free; ids are not negative.
        var pair: UInt64
        var rank: UInt32
        var id: Int32

        static let free = Slot(pair: .max, rank: 0, id: 0)
    }

    private var slots: [Slot]
    private var shift: UInt64
    private(set) var count = 0

    /// An empty table with room for a number of merges.
    init(capacity: Int) {
        var bits: UInt64 = 4
        while 1 << bits < capacity * 2 { bits += 1 }
        slots = [Slot](repeating: .free, count: 1 << Int(bits))
        shift = 64 - bits
    }

    /// Adds a merge. Of a pair that is there already, the later rank counts.
    mutating func insert(_ first: Int32, _ second: Int32, rank: Int, id: Int32) {
        if (count + 1) * 2 > slots.count { grow() }
        let pair = Self.pair(first, second)
        let slot = self.slot(of: pair)
        if slots[slot].pair != pair { count += 1 }
        slots[slot] = Slot(pair: pair, rank: UInt32(rank), id: id)
    }

    /// What two tokens that stand side by side become; nil where they do not merge.
    @inline(__always)
    subscript(first: Int32, second: Int32) -> Merge? {
        let pair = Self.pair(first, second)
        let found = slots[slot(of: pair)]
        return found.pair == pair ? Merge(rank: found.rank, id: found.id) : nil
    }

    @inline(__always)
    private static func pair(_ first: Int32, _ second: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: first)) << 32 | UInt64(UInt32(bitPattern: second))
    }

    /// The slot that holds a pair, else the free one it would take.
    @inline(__always)
    private func slot(of pair: UInt64) -> Int {
        var slot = Int(truncatingIfNeeded: (pair &* 0x9E37_79B9_7F4A_7C15) >> shift)
        while slots[slot].pair != pair, slots[slot].pair != .max { slot = (slot + 1) & (slots.count - 1) }
        return slot
    }

    private mutating func grow() {
        let old = slots
        slots = [Slot](repeating: .free, count: old.count * 2)
        shift -= 1
        for entry in old where entry.pair != .max { slots[slot(of: entry.pair)] = entry }
    }
}
