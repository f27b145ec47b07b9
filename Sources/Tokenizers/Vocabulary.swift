/// Tokens and their ids, in flat arrays: an open-addressing hash table over the tokens' UTF-8 bytes.
struct Vocabulary: Sendable {
    /// Running FNV-1a over bytes. The hash of each prefix of a word is one on the way to the hash of the word, which is
    /// what a search for the longest match wants.
    struct Hash {
        private(set) var state: UInt64 = 0xCBF2_9CE4_8422_2325

        init() {}

        init(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { add(byte) }
        }

        @inline(__always)
        mutating func add(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    /// The bytes of all tokens, one after the other.
    private var bytes: [UInt8] = []
    /// Token `i` is `bytes[starts[i]..<starts[i + 1]]`.
    private var starts: [Int32] = [0]
    private var ids: [Int32] = []
    /// High half: of the hash. Low half: the token's index plus one; 0 where the slot is free.
    private var slots: [UInt64]
    /// The index of the token with an id, −1 where there is none.
    private var indices: [Int32] = []
    /// The same for ids far beyond the number of tokens.
    private var farIndices: [Int32: Int32] = [:]
    /// The longest token, in bytes.
    private(set) var longest = 0
    /// The highest id plus one.
    private(set) var idLimit = 0

    /// An empty vocabulary with room for a number of tokens.
    init(capacity: Int) {
        var size = 1 << 10
        while size < capacity * 2 { size *= 2 }
        slots = [UInt64](repeating: 0, count: size)
        starts.reserveCapacity(capacity + 1)
        ids.reserveCapacity(capacity)
        bytes.reserveCapacity(capacity * 8)
    }

    /// A vocabulary whose ids count up from 0, made at once: many times faster than token by token where it is large.
    ///
    /// - Parameters:
    ///   - bytes: of all tokens, one after the other.
    ///   - starts: where each token starts, and where the last one ends.
    /// - Throws: what is there twice.
    init(_ bytes: [UInt8], starts: [Int32], file: String) throws(TokenizerError) {
        self.init(capacity: starts.count - 1)
        let hashes = (1..<starts.count).map { index in
            bytes.withUnsafeBufferPointer { bytes in
                Hash(UnsafeBufferPointer(rebasing: bytes[Int(starts[index - 1])..<Int(starts[index])]))
            }
        }
        self.bytes = bytes
        self.starts = starts
        ids = (0..<Int32(hashes.count)).map { $0 }
        indices = ids
        idLimit = hashes.count
        for (index, hash) in hashes.enumerated() {
            longest = max(longest, Int(starts[index + 1] - starts[index]))
            if placeUnlessThere(hash, index) { continue }
            throw .duplicateToken(file: file, token: token(at: index))
        }
    }

    /// Places a token; false where a token of the same bytes is placed.
    private mutating func placeUnlessThere(_ hash: Hash, _ index: Int) -> Bool {
        var slot = firstSlot(hash)
        while slots[slot] != 0 {
            if slots[slot] >> 32 == hash.state >> 32, isEqual(Int(slots[slot] & 0xFFFF_FFFF) - 1, index) {
                return false
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        slots[slot] = (hash.state & ~0xFFFF_FFFF) | UInt64(index + 1)
        return true
    }

    /// Whether two tokens have the same bytes.
    private func isEqual(_ first: Int, _ second: Int) -> Bool {
        bytes[Int(starts[first])..<Int(starts[first + 1])].elementsEqual(
            bytes[Int(starts[second])..<Int(starts[second + 1])])
    }

    var count: Int { ids.count }

    /// What stands in the way of a new token.
    enum Refusal: Equatable {
        case tokenExists
        case idExists(token: String)
    }

    /// Adds a token unless it or its id is there; nil where it was added.
    mutating func insert(_ token: [UInt8], id: Int32) -> Refusal? {
        if (count + 1) * 2 > slots.count { grow() }
        let hash = Hash(token)
        guard token.withUnsafeBufferPointer({ self.id(of: $0, hash) }) == nil else { return .tokenExists }
        if let index = index(ofID: id) { return .idExists(token: self.token(at: index)) }
        let index = Int32(count)
        if id < indices.count {
            indices[Int(id)] = index
        } else if id < slots.count {
            indices.append(contentsOf: repeatElement(-1, count: Int(id) - indices.count))
            indices.append(index)
        } else {
            farIndices[id] = index
        }
        bytes += token
        starts.append(Int32(bytes.count))
        ids.append(id)
        place(hash, Int(index))
        longest = max(longest, token.count)
        idLimit = max(idLimit, Int(id) + 1)
        return nil
    }

    /// The id of a token.
    func id(of token: String) -> Int32? {
        var token = token
        return token.withUTF8 { id(of: $0, Hash($0)) }
    }

    /// The token of an id.
    func token(of id: Int32) -> String? { index(ofID: id).map(token(at:)) }

    /// The id of the token of some bytes.
    func id(of token: UnsafeBufferPointer<UInt8>) -> Int32? { id(of: token, Hash(token)) }

    /// Calls a function with the bytes of each token, in the order in which they were added.
    func forEachToken(_ body: (UnsafeBufferPointer<UInt8>) -> Void) {
        bytes.withUnsafeBufferPointer { bytes in
            for index in 0..<count {
                body(UnsafeBufferPointer(rebasing: bytes[Int(starts[index])..<Int(starts[index + 1])]))
            }
        }
    }

    /// Calls a function with the bytes of the token of an id; nil where there is none.
    @inline(__always)
    func withToken<Result>(of id: Int32, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result? {
        guard let index = index(ofID: id) else { return nil }
        return bytes.withUnsafeBufferPointer {
            body(UnsafeBufferPointer(rebasing: $0[Int(starts[index])..<Int(starts[index + 1])]))
        }
    }

    private func id(of token: UnsafeBufferPointer<UInt8>, _ hash: Hash) -> Int32? {
        // An empty buffer may have no address, and no byte of it is looked at.
        guard let start = token.baseAddress else { return withUnsafePointer(to: 0) { id(of: $0, count: 0, hash) } }
        return id(of: start, count: token.count, hash)
    }

    /// The id of the token that is `prefix` and then `count` bytes; `hash` is that of both.
    @inline(__always)
    func id(of rest: UnsafePointer<UInt8>, count: Int, after prefix: [UInt8] = [], _ hash: Hash) -> Int32? {
        let (mask, tag) = (slots.count - 1, hash.state >> 32)
        var slot = firstSlot(hash)
        while slots[slot] != 0 {
            if slots[slot] >> 32 == tag, let id = id(at: slots[slot], rest, count, prefix) { return id }
            slot = (slot + 1) & mask
        }
        return nil
    }

    /// The id of the token in a slot, if it has the bytes.
    private func id(at slot: UInt64, _ rest: UnsafePointer<UInt8>, _ count: Int, _ prefix: [UInt8]) -> Int32? {
        let index = Int(slot & 0xFFFF_FFFF) - 1
        let start = Int(starts[index])
        guard Int(starts[index + 1]) - start == prefix.count + count else { return nil }
        for position in 0..<prefix.count where bytes[start + position] != prefix[position] { return nil }
        for position in 0..<count where bytes[start + prefix.count + position] != rest[position] { return nil }
        return ids[index]
    }

    private func index(ofID id: Int32) -> Int? {
        let index = id >= 0 && id < indices.count ? indices[Int(id)] : farIndices[id] ?? -1
        return index < 0 ? nil : Int(index)
    }

    private func token(at index: Int) -> String {
        String(decoding: bytes[Int(starts[index])..<Int(starts[index + 1])], as: UTF8.self)
    }

    private func firstSlot(_ hash: Hash) -> Int {
        Int(truncatingIfNeeded: hash.state ^ hash.state >> 32) & (slots.count - 1)
    }

    private mutating func place(_ hash: Hash, _ index: Int) {
        var slot = firstSlot(hash)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = (hash.state & ~0xFFFF_FFFF) | UInt64(index + 1)
    }

    private mutating func grow() {
        slots = [UInt64](repeating: 0, count: slots.count * 2)
        for index in 0..<count { place(Hash(bytes[Int(starts[index])..<Int(starts[index + 1])]), index) }
    }
}
