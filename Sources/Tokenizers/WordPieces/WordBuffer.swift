/// One word while it is being read: its UTF-8 bytes, where each comes from, and the hashes of all its prefixes.
///
/// It owns plain memory and is used over and over for the words of a text. A word longer than the model spells is only
/// counted.
struct WordBuffer: ~Copyable {
    private let limit: Int
    private let storage: UnsafeMutablePointer<UInt8>
    private let starts: UnsafeMutablePointer<Int32>
    private let ends: UnsafeMutablePointer<Int32>
    private let prefixHashes: UnsafeMutablePointer<Vocabulary.Hash>
    private let capacity: Int
    /// The number of bytes kept.
    private(set) var count = 0
    /// The number of scalars seen.
    private(set) var scalarCount = 0
    /// Where the original of the word starts and ends.
    private var first: Int32 = 0
    private var last: Int32 = 0

    /// - Parameters:
    ///   - limit: the longest word kept, in scalars.
    ///   - textLength: how long the text is, in scalars or more; no word is longer.
    init(limit: Int, textLength: Int) {
        self.limit = limit
        capacity = max(1, min(limit, textLength)) * 4
        storage = .allocate(capacity: capacity)
        starts = .allocate(capacity: capacity)
        ends = .allocate(capacity: capacity)
        prefixHashes = .allocate(capacity: capacity + 1)
        prefixHashes.initialize(to: Vocabulary.Hash())
    }

    deinit {
        storage.deallocate()
        starts.deallocate()
        ends.deallocate()
        prefixHashes.deallocate()
    }

    var isEmpty: Bool { scalarCount == 0 }
    var isTooLong: Bool { scalarCount > limit }

    mutating func removeAll() { (count, scalarCount) = (0, 0) }

    /// Adds an ASCII scalar whose original is `start..<end`.
    @inline(__always)
    mutating func append(ascii byte: UInt8, _ start: Int32, _ end: Int32) {
        note(start, end)
        if scalarCount <= limit { add(byte, start, end) }
    }

    /// Adds a scalar whose original is `start..<end`.
    mutating func append(_ scalar: UInt32, _ start: Int32, _ end: Int32) {
        note(start, end)
        guard scalarCount <= limit else { return }
        switch scalar {
        case ..<0x80: add(UInt8(scalar), start, end)
        case ..<0x800:
            add(UInt8(0xC0 | scalar >> 6), start, end)
            add(UInt8(0x80 | scalar & 0x3F), start, end)
        case ..<0x10000:
            add(UInt8(0xE0 | scalar >> 12), start, end)
            add(UInt8(0x80 | scalar >> 6 & 0x3F), start, end)
            add(UInt8(0x80 | scalar & 0x3F), start, end)
        default:
            add(UInt8(0xF0 | scalar >> 18), start, end)
            add(UInt8(0x80 | scalar >> 12 & 0x3F), start, end)
            add(UInt8(0x80 | scalar >> 6 & 0x3F), start, end)
            add(UInt8(0x80 | scalar & 0x3F), start, end)
        }
    }

    @inline(__always)
    private mutating func note(_ start: Int32, _ end: Int32) {
        if scalarCount == 0 { first = start }
        last = end
        scalarCount += 1
    }

    @inline(__always)
    private mutating func add(_ byte: UInt8, _ start: Int32, _ end: Int32) {
        precondition(count < capacity, "A word is no longer than its text.")
        storage[count] = byte
        starts[count] = start
        ends[count] = end
        var hash = prefixHashes[count]
        hash.add(byte)
        count += 1
        prefixHashes[count] = hash
    }

    /// The hash of the first `length` bytes.
    @inline(__always)
    func hash(ofFirst length: Int) -> Vocabulary.Hash { prefixHashes[length] }

    @inline(__always)
    subscript(position: Int) -> UInt8 { storage[position] }

    /// The bytes from a position on.
    @inline(__always)
    func bytes(from position: Int) -> UnsafePointer<UInt8> { UnsafePointer(storage + position) }

    /// The range of the original behind a range of bytes.
    @inline(__always)
    func original(of bytes: Range<Int>) -> Range<Int> {
        Int(starts[bytes.lowerBound])..<Int(ends[bytes.upperBound - 1])
    }

    /// The range of the original behind the whole word.
    var original: Range<Int> { Int(first)..<Int(last) }
}
