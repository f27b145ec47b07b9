/// The tokens of one text, without special tokens.
struct Tokens: Equatable {
    var ids: [Int32] = []
    var offsets: [Range<Int>] = []
    var words: [Int?] = []

    mutating func append(_ id: Int32, _ offsets: Range<Int>, word: Int) {
        ids.append(id)
        self.offsets.append(offsets)
        words.append(word)
    }

    mutating func reserveCapacity(_ capacity: Int) {
        ids.reserveCapacity(capacity)
        offsets.reserveCapacity(capacity)
        words.reserveCapacity(capacity)
    }

    mutating func removeLast(_ count: Int) {
        ids.removeLast(count)
        offsets.removeLast(count)
        words.removeLast(count)
    }

    mutating func keep(_ range: Range<Int>) {
        guard range != 0..<ids.count else { return }
        ids = Array(ids[range])
        offsets = Array(offsets[range])
        words = Array(words[range])
    }
}
