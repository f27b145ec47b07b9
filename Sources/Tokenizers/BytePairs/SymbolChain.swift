/// The symbols of one word while its pairs merge: a doubly linked list in an array that is used for all words of a text.
struct SymbolChain {
    private struct Symbol {
        var id: Int32
        /// How many bytes of the word it covers; 0 once it is part of the symbol before it.
        var length: Int32
        var previous: Int32
        var next: Int32
        /// What it and its right neighbour become, `never` where they do not merge.
        var rank: UInt32
        var merged: Int32
    }

    private static let never = UInt32.max
    /// Words of more symbols keep their pairs in a heap: searching all pairs for each merge is quadratic.
    private static let longestScan = 24

    private var symbols: [Symbol] = []
    /// rank << 32 | position, the least first.
    private var heap: [UInt64] = []

    mutating func removeAll() { symbols.removeAll(keepingCapacity: true) }

    /// Adds a symbol to the end.
    @inline(__always)
    mutating func append(_ id: Int32, length: Int) {
        let position = Int32(symbols.count)
        if position > 0 { symbols[Int(position) - 1].next = position }
        symbols.append(
            Symbol(id: id, length: Int32(length), previous: position - 1, next: -1, rank: Self.never, merged: -1))
    }

    /// Gives what is left of the symbols, in order.
    @inline(__always)
    func forEach(_ body: (_ id: Int32, _ length: Int) -> Void) {
        var position = symbols.isEmpty ? -1 : 0
        while position >= 0 {
            body(symbols[position].id, Int(symbols[position].length))
            position = Int(symbols[position].next)
        }
    }

    /// Merges pairs, of all the one with the lowest rank first, of equal ones the leftmost, until none is left.
    mutating func merge(by merges: MergeTable) {
        guard symbols.count > 1 else { return }
        let usesHeap = symbols.count > Self.longestScan
        heap.removeAll(keepingCapacity: true)
        for position in 0..<symbols.count - 1 { update(position, merges, usesHeap) }
        while let position = usesHeap ? popLeast() : least() {
            let right = Int(symbols[position].next)
            symbols[position].id = symbols[position].merged
            symbols[position].length += symbols[right].length
            symbols[position].next = symbols[right].next
            symbols[right].length = 0
            let next = Int(symbols[position].next)
            if next >= 0 { symbols[next].previous = Int32(position) }
            update(position, merges, usesHeap)
            if symbols[position].previous >= 0 { update(Int(symbols[position].previous), merges, usesHeap) }
        }
    }

    /// Looks up what a symbol and its right neighbour become.
    @inline(__always)
    private mutating func update(_ position: Int, _ merges: MergeTable, _ usesHeap: Bool) {
        let next = Int(symbols[position].next)
        guard next >= 0, let merge = merges[symbols[position].id, symbols[next].id] else {
            symbols[position].rank = Self.never
            return
        }
        symbols[position].rank = merge.rank
        symbols[position].merged = merge.id
        if usesHeap { push(UInt64(merge.rank) << 32 | UInt64(position)) }
    }

    /// The pair that merges next, found by looking at all.
    private func least() -> Int? {
        var (best, rank) = (-1, Self.never)
        var position = 0
        while position >= 0 {
            if symbols[position].rank < rank { (best, rank) = (position, symbols[position].rank) }
            position = Int(symbols[position].next)
        }
        return best < 0 ? nil : best
    }

    // MARK: The heap

    /// The pair that merges next. What the heap says of pairs that have changed since is passed over.
    private mutating func popLeast() -> Int? {
        while let first = heap.first {
            let last = heap.removeLast()
            if !heap.isEmpty { sink(last) }
            let (rank, position) = (UInt32(first >> 32), Int(first & 0xFFFF_FFFF))
            if symbols[position].length > 0, symbols[position].rank == rank { return position }
        }
        return nil
    }

    private mutating func push(_ entry: UInt64) {
        heap.append(entry)
        var index = heap.count - 1
        while index > 0, case let parent = (index - 1) / 2, heap[parent] > entry {
            heap[index] = heap[parent]
            index = parent
        }
        heap[index] = entry
    }

    /// Puts an entry where the first one was, and lets it sink to its place.
    private mutating func sink(_ entry: UInt64) {
        var index = 0
        while case let left = index * 2 + 1, left < heap.count {
            let child = left + 1 < heap.count && heap[left + 1] < heap[left] ? left + 1 : left
            guard heap[child] < entry else { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = entry
    }
}
