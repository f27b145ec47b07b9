/// A number for every Unicode scalar value: pages of 256, equal pages kept once.
struct ScalarTable: Sendable {
    static let pageSize = 256
    static let pageCount = 0x110000 / pageSize

    /// For each page of scalars, where its entries start.
    let pages: [UInt32]
    let entries: [UInt32]

    @inline(__always)
    subscript(scalar: UInt32) -> UInt32 {
        entries[Int(pages[Int(scalar >> 8)]) + Int(scalar & 0xFF)]
    }

    /// A table of other numbers, each a function of a scalar and its number here.
    ///
    /// Pages that are kept once here are so there: of scalars on such pages, the function must only see the number.
    func map(_ transform: (UInt32, UInt32) -> UInt32) -> ScalarTable {
        var (newEntries, newPages) = ([UInt32](), [UInt32](repeating: 0, count: Self.pageCount))
        newEntries.reserveCapacity(entries.count)
        var starts: [UInt32: UInt32] = [:]
        for page in 0..<Self.pageCount {
            if let start = starts[pages[page]] {
                newPages[page] = start
                continue
            }
            newPages[page] = UInt32(newEntries.count)
            starts[pages[page]] = newPages[page]
            for offset in 0..<Self.pageSize {
                newEntries.append(
                    transform(UInt32(page * Self.pageSize + offset), entries[Int(pages[page]) + offset]))
            }
        }
        return ScalarTable(pages: newPages, entries: newEntries)
    }

    /// Fills a table range by range; a page whose entries all agree stays one number until the end.
    struct Builder {
        private var uniform = [UInt32](repeating: 0, count: pageCount)
        private var starts = [Int32](repeating: -1, count: pageCount)
        private var entries: [UInt32] = []

        init() { entries.reserveCapacity(100_000) }

        /// Sets bits of the numbers of a range of scalars.
        mutating func insert(_ bits: UInt32, in range: Range<Int>) {
            modify(range) { $0 | bits }
        }

        /// Sets the numbers of a range of scalars.
        mutating func set(_ value: UInt32, in range: Range<Int>) {
            modify(range) { _ in value }
        }

        @inline(__always)
        private mutating func modify(_ range: Range<Int>, _ change: (UInt32) -> UInt32) {
            var position = range.lowerBound
            while position < range.upperBound {
                let page = position / pageSize
                let end = min(range.upperBound, (page + 1) * pageSize)
                if starts[page] < 0, end - position == pageSize {
                    uniform[page] = change(uniform[page])
                } else {
                    if starts[page] < 0 {
                        starts[page] = Int32(entries.count)
                        entries.append(contentsOf: repeatElement(uniform[page], count: pageSize))
                    }
                    let base = Int(starts[page]) - page * pageSize
                    for index in base + position..<base + end { entries[index] = change(entries[index]) }
                }
                position = end
            }
        }

        func table() -> ScalarTable {
            var (entries, pages) = (entries, [UInt32](repeating: 0, count: pageCount))
            var shared: [UInt32: UInt32] = [:]
            for page in 0..<pageCount {
                if starts[page] >= 0 {
                    pages[page] = UInt32(starts[page])
                } else if let start = shared[uniform[page]] {
                    pages[page] = start
                } else {
                    pages[page] = UInt32(entries.count)
                    shared[uniform[page]] = pages[page]
                    entries.append(contentsOf: repeatElement(uniform[page], count: pageSize))
                }
            }
            return ScalarTable(pages: pages, entries: entries)
        }
    }
}
