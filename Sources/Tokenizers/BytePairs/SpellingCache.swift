import Synchronization

/// The tokens of words that were met before, in a table of a fixed size: most words of a text are a few thousand common
/// ones, and to look one up is several times as fast as to merge its pairs.
///
/// A word has one place in the table; a later word of the same place takes it.
struct SpellingCache: Sendable {
    /// The longest word kept, in bytes.
    static let longestWord = 24
    /// The most tokens a kept word has.
    static let mostTokens = 8
    private static let slotBits: UInt64 = 13

    /// The bytes of a word, padded with zeros.
    struct Key: Equatable, Sendable {
        fileprivate var words: (UInt64, UInt64, UInt64)
        fileprivate let count: UInt8

        /// Nil for a word that is not kept: an empty or a long one.
        @inline(__always)
        init?(_ bytes: UnsafeBufferPointer<UInt8>) {
            guard !bytes.isEmpty, bytes.count <= SpellingCache.longestWord else { return nil }
            count = UInt8(bytes.count)
            words = (Self.load(bytes, 0), Self.load(bytes, 8), Self.load(bytes, 16))
        }

        @inline(__always)
        private static func load(_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> UInt64 {
            var value: UInt64 = 0
            var index = start
            let end = min(bytes.count, start + 8)
            while index < end {
                value |= UInt64(bytes[index]) << UInt64((index - start) * 8)
                index += 1
            }
            return value
        }

        @inline(__always)
        static func == (first: Key, second: Key) -> Bool { first.words == second.words && first.count == second.count }

        @inline(__always)
        fileprivate var slot: Int {
            var hash = words.0 &* 0x9E37_79B9_7F4A_7C15
            hash = (hash ^ hash >> 32 ^ words.1) &* 0xBF58_476D_1CE4_E5B9
            hash = (hash ^ hash >> 32 ^ words.2) &* 0x94D0_49BB_1331_11EB
            return Int(truncatingIfNeeded: hash >> (64 - SpellingCache.slotBits))
        }
    }

    /// 24 bytes of key, 32 of ids and 8 of lengths.
    private var keys: [Key?]
    private var ids: [Int32]
    /// How many bytes of the word a token covers, 0 past the last token.
    private var lengths: [UInt8]

    init() {
        let slots = 1 << Int(Self.slotBits)
        keys = [Key?](repeating: nil, count: slots)
        ids = [Int32](repeating: 0, count: slots * Self.mostTokens)
        lengths = [UInt8](repeating: 0, count: slots * Self.mostTokens)
    }

    /// Gives the tokens of a word; false where it is not kept.
    @inline(__always)
    func find(_ key: Key, _ body: (_ id: Int32, _ length: Int) -> Void) -> Bool {
        let slot = key.slot
        guard keys[slot] == key else { return false }
        var index = slot * Self.mostTokens
        let end = index + Self.mostTokens
        while index < end, lengths[index] > 0 {
            body(ids[index], Int(lengths[index]))
            index += 1
        }
        return true
    }

    /// Keeps the tokens of a word, unless they are too many.
    mutating func insert(_ key: Key, _ symbols: SymbolChain) { insert(key) { symbols.forEach($0) } }

    /// Keeps the tokens of a word, unless they are too many.
    ///
    /// - Parameter forEach: calls what it is given with the id of each token and how many bytes of the word it covers.
    mutating func insert(_ key: Key, _ forEach: (_ body: (_ id: Int32, _ length: Int) -> Void) -> Void) {
        let first = key.slot * Self.mostTokens
        let end = first + Self.mostTokens
        var index = first
        forEach { id, length in
            if index < end {
                ids[index] = id
                lengths[index] = UInt8(length)
            }
            index += 1
        }
        keys[key.slot] = index > first && index <= end ? key : nil
        while index < end {
            lengths[index] = 0
            index += 1
        }
    }

    /// Caches not in use. A text takes one, alone, and puts it back: so threads neither wait for nor see each other.
    final class Pool: Sendable {
        private let idle = Mutex<[SpellingCache]>([])

        func take() -> SpellingCache { idle.withLock { $0.popLast() } ?? SpellingCache() }

        func putBack(_ cache: SpellingCache) { idle.withLock { $0.append(cache) } }
    }
}
