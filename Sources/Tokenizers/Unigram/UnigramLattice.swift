/// The word a Unigram model is spelling: its UTF-8 bytes, and for each position between them the best way to get there.
///
/// It owns plain memory and is used over and over for the words of a text.
struct UnigramLattice: ~Copyable {
    /// One token of a path: the bytes it spells.
    struct Step {
        let start: Int
        let end: Int
        let id: Int32
    }

    private struct Node {
        var score: Double
        /// Where the token that ends here starts; −1 where none ends.
        var start: Int32
        var id: Int32
    }

    private let storage: UnsafeMutablePointer<UInt8>
    private let nodes: UnsafeMutablePointer<Node>
    /// By byte: which scalar of the word it is of.
    private let scalars: UnsafeMutablePointer<Int32>
    private let capacity: Int
    /// The number of bytes.
    private(set) var count = 0
    /// The best path, from the end.
    private(set) var path: [Step] = []

    /// - Parameter longestWord: in scalars.
    init(longestWord: Int) {
        capacity = longestWord * 4
        storage = .allocate(capacity: capacity + 1)
        nodes = .allocate(capacity: capacity + 1)
        scalars = .allocate(capacity: capacity + 1)
    }

    deinit {
        storage.deallocate()
        nodes.deallocate()
        scalars.deallocate()
    }

    /// Takes a word in.
    mutating func read(_ text: [UInt32], _ word: Range<Int>) {
        precondition(word.count * 4 <= capacity, "A lattice has room for the longest word of its text.")
        count = 0
        for (index, position) in word.enumerated() {
            let scalar = text[position]
            let before = count
            if scalar < 0x80 {
                storage[count] = UInt8(truncatingIfNeeded: scalar)
                count += 1
            } else {
                append(multibyte: scalar)
            }
            for byte in before..<count { scalars[byte] = Int32(truncatingIfNeeded: index) }
        }
        scalars[count] = Int32(truncatingIfNeeded: word.count)
    }

    /// Starts over: no position has a path to it.
    mutating func forgetPaths() {
        nodes.initialize(repeating: Node(score: 0, start: -1, id: 0), count: count + 1)
    }

    private mutating func append(multibyte scalar: UInt32) {
        func add(_ byte: UInt32) {
            storage[count] = UInt8(truncatingIfNeeded: byte)
            count += 1
        }
        if scalar < 0x800 {
            add(0xC0 | scalar >> 6)
        } else {
            if scalar < 0x10000 {
                add(0xE0 | scalar >> 12)
            } else {
                add(0xF0 | scalar >> 18)
                add(0x80 | scalar >> 12 & 0x3F)
            }
            add(0x80 | scalar >> 6 & 0x3F)
        }
        add(0x80 | scalar & 0x3F)
    }

    @inline(__always)
    subscript(position: Int) -> UInt8 { storage[position] }

    @inline(__always)
    func address(of position: Int) -> UnsafePointer<UInt8> { UnsafePointer(storage + position) }

    func bytes(_ range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: storage + range.lowerBound, count: range.count)
    }

    /// Which scalar of the word starts at a position; past the last one, how many there are.
    func scalar(at position: Int) -> Int { Int(scalars[position]) }

    @inline(__always)
    func isInsideScalar(_ position: Int) -> Bool { position < count && storage[position] & 0xC0 == 0x80 }

    @inline(__always)
    func end(ofScalarAt position: Int) -> Int {
        var end = position + 1
        while isInsideScalar(end) { end += 1 }
        return end
    }

    /// The sum of the scores of the best path to a position.
    @inline(__always)
    func score(at position: Int) -> Double { nodes[position].score }

    /// Keeps a token as the last of the best path to where it ends, if it is better than what is known.
    @inline(__always)
    mutating func offer(_ range: Range<Int>, _ id: Int32, score: Double) {
        let node = nodes + range.upperBound
        guard node.pointee.start < 0 || score > node.pointee.score else { return }
        node.pointee = Node(score: score, start: Int32(truncatingIfNeeded: range.lowerBound), id: id)
    }

    /// Follows the best path from the end to the start; unknown neighbours become one step.
    mutating func trace(unknown: Int32) {
        path.removeAll(keepingCapacity: true)
        var end = count
        while end > 0 {
            let node = nodes[end]
            precondition(node.start >= 0, "Each scalar of a word is a step of some path, be it as the unknown token.")
            let start = Int(node.start)
            if node.id == unknown, let last = path.last, last.id == unknown {
                path[path.count - 1] = Step(start: start, end: last.end, id: unknown)
            } else {
                path.append(Step(start: start, end: end, id: node.id))
            }
            end = start
        }
    }
}
