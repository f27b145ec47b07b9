/// The merges of a file as it writes them, in order: their texts one after the other in one array of bytes.
struct MergeList: Sendable {
    /// Merge `i` is `bytes[starts[i]..<middles[i]]` and `bytes[middles[i]..<starts[i + 1]]`.
    private var bytes: [UInt8] = []
    private var starts = [0]
    private var middles: [Int] = []
    private let file: String

    /// How a file may name the version of its format, where a merge would stand.
    private static let version = Array("#version".utf8)

    var count: Int { middles.count }

    /// Reads the array `merges` of tokenizer.json: `"a b"` or `["a", "b"]`.
    init(_ reader: inout JSONReader) throws(TokenizerError) {
        file = reader.file
        var line: [UInt8] = []
        try reader.enterArray()
        while try reader.nextElement() {
            if reader.isAtArray {
                try readPair(&reader)
                continue
            }
            line.removeAll(keepingCapacity: true)
            try reader.string(into: &line)
            guard !line.starts(with: Self.version) else { continue }
            try append(line[...])
        }
    }

    /// Reads merges.txt: a merge a line, as transformers does. The first line is the version, and what stands after the
    /// last line feed is no merge.
    init(lines text: [UInt8], file: String) throws(TokenizerError) {
        guard String(validating: text, as: UTF8.self) != nil else { throw .notUTF8(file: file) }
        self.file = file
        guard var start = text.firstIndex(of: 0x0A).map({ $0 + 1 }) else { return }
        while let end = text[start...].firstIndex(of: 0x0A) {
            try append(text[start..<(end > start && text[end - 1] == 0x0D ? end - 1 : end)])
            start = end + 1
        }
    }

    private mutating func readPair(_ reader: inout JSONReader) throws(TokenizerError) {
        try reader.enterArray()
        var parts = 0
        while try reader.nextElement() {
            guard !reader.isAtArray, parts < 2 else { throw unexpected("more than that") }
            if parts == 1 { middles.append(bytes.count) }
            try reader.string(into: &bytes)
            parts += 1
        }
        guard parts == 2 else { throw unexpected("an array of \(parts)") }
        starts.append(bytes.count)
    }

    private mutating func append(_ line: ArraySlice<UInt8>) throws(TokenizerError) {
        guard let space = line.firstIndex(of: 0x20), !line[(space + 1)...].contains(0x20) else {
            throw unexpected("“\(String(decoding: line, as: UTF8.self))”")
        }
        bytes += line[..<space]
        middles.append(bytes.count)
        bytes += line[(space + 1)...]
        starts.append(bytes.count)
    }

    private func unexpected(_ found: String) -> TokenizerError {
        .unexpectedValue(
            file: file, field: "merges[\(starts.count - 1)]", found: found, expected: "two tokens with a space between")
    }

    /// The merges between tokens of a vocabulary, which must have all of them and what they become.
    ///
    /// - Parameters:
    ///   - continuation: what the second token starts with, and the merged one leaves out.
    ///   - keepsFirst: of a pair that is there twice the first place counts, not the last.
    func table(
        _ vocabulary: Vocabulary, continuation: [UInt8] = [], keepsFirst: Bool = false
    ) throws(TokenizerError) -> MergeTable {
        var table = MergeTable(capacity: count)
        var joined: [UInt8] = []
        for index in 0..<count {
            let (start, middle, end) = (starts[index], middles[index], starts[index + 1])
            let rest = min(end, middle + continuation.count)
            guard let first = id(start..<middle, vocabulary), let second = id(middle..<end, vocabulary) else {
                let isFirstThere = id(start..<middle, vocabulary) != nil
                throw missing(bytes[isFirstThere ? middle..<end : start..<middle], index)
            }
            var merged = continuation.isEmpty ? id(start..<end, vocabulary) : nil
            if !continuation.isEmpty {
                joined.removeAll(keepingCapacity: true)
                joined += bytes[start..<middle]
                joined += bytes[rest..<end]
                merged = joined.withUnsafeBufferPointer { vocabulary.id(of: $0) }
            }
            guard let merged else { throw missing(bytes[start..<middle] + bytes[rest..<end], index) }
            if keepsFirst, table[first, second] != nil { continue }
            table.insert(first, second, rank: index, id: merged)
        }
        return table
    }

    @inline(__always)
    private func id(_ range: Range<Int>, _ vocabulary: Vocabulary) -> Int32? {
        bytes.withUnsafeBufferPointer { vocabulary.id(of: UnsafeBufferPointer(rebasing: $0[range])) }
    }

    private func missing(_ token: ArraySlice<UInt8>, _ index: Int) -> TokenizerError {
        .missingToken(file: file, token: String(decoding: token, as: UTF8.self), role: "merge \(index)")
    }
}
