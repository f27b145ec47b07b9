/// The header of a safetensors file, parsed and proven: every byte of the data belongs to exactly one tensor, and every
/// tensor has exactly the bytes that its shape and type take.
///
///     8 bytes   length n of the JSON, little-endian
///     n bytes   {"__metadata__": {"format": "pt"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
///     the rest  the tensors, end to end; offsets count from here
///
/// Format: https://huggingface.co/docs/safetensors
struct SafetensorsHeader: Sendable {
    typealias Problem = SafetensorsError.Problem

    /// What the header says about one tensor; `bytes` is its range in the whole file.
    struct Entry: Sendable {
        let elementType: ElementType
        let shape: [Int]
        var bytes: Range<Int>
    }

    /// The reference library's own limit.
    static let lengthLimit = 100_000_000
    static let metadataKey = "__metadata__"

    private(set) var metadata: [String: String] = [:]
    private(set) var entries: [String: Entry] = [:]
    /// The tensors' names in the order of their bytes.
    private(set) var names: [String] = []

    /// Reads and proves the header of the file whose bytes are `file`; the tensors' own bytes are not touched.
    init(_ file: UnsafeRawBufferPointer) throws(Problem) {
        if let other = Self.lookalike(file) { throw .somethingElse(other) }
        guard file.count >= 8 else { throw .noHeaderLength(fileLength: file.count) }
        let claimed = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        guard claimed <= UInt64(Self.lengthLimit) else {
            throw .headerTooLong(length: claimed, limit: Self.lengthLimit)
        }
        let (length, available) = (Int(claimed), file.count - 8)
        guard length <= available else { throw .headerBeyondFile(length: length, available: available) }
        let json = UnsafeRawBufferPointer(rebasing: file[8..<8 + length])
        // The format has the header begin with "{": space is allowed after it, not before.
        guard json.first == UInt8(ascii: "{") else { throw .malformedJSON(offset: 0, expected: "\"{\"") }
        guard String(validating: json, as: UTF8.self) != nil else { throw .notUTF8 }
        try parse(json)
        try proveCoverage(dataBegin: 8 + length, dataLength: available - length)
    }

    private mutating func parse(_ json: UnsafeRawBufferPointer) throws(Problem) {
        var scanner = JSONScanner(json)
        var (metadata, entries, seen) = ([String: String](), [String: Entry](), Set<String>())
        try scanner.object { (scanner, name) throws(Problem) in
            guard seen.insert(name).inserted else { throw .duplicateName(name) }
            guard name == Self.metadataKey else {
                entries[name] = try Self.entry(named: name, from: &scanner)
                return
            }
            try scanner.object { (scanner, key) throws(Problem) in
                guard metadata.updateValue(try scanner.string(), forKey: key) == nil else { throw .duplicateName(key) }
            }
        }
        try scanner.end()
        (self.metadata, self.entries) = (metadata, entries)
    }

    private static func entry(named name: String, from scanner: inout JSONScanner) throws(Problem) -> Entry {
        var (type, shape, offsets): (String?, [Int]?, [Int]?)
        try scanner.object { (scanner, field) throws(Problem) in
            let isNew: Bool
            switch field {
            case "dtype": (isNew, type) = (type == nil, try scanner.string())
            case "shape": (isNew, shape) = (shape == nil, try integers(from: &scanner))
            case "data_offsets": (isNew, offsets) = (offsets == nil, try integers(from: &scanner))
            default: throw .unknownField(tensor: name, field: field)
            }
            guard isNew else { throw .duplicateName(field) }
        }
        guard let type else { throw .missingField(tensor: name, field: "dtype") }
        guard let shape else { throw .missingField(tensor: name, field: "shape") }
        guard let offsets, offsets.count == 2 else { throw .missingField(tensor: name, field: "data_offsets") }
        guard let elementType = ElementType(rawValue: type) else {
            throw .unsupportedElementType(tensor: name, type: type)
        }
        guard offsets[0] <= offsets[1] else {
            throw .reversedOffsets(tensor: name, begin: offsets[0], end: offsets[1])
        }
        return Entry(elementType: elementType, shape: shape, bytes: offsets[0]..<offsets[1])
    }

    private static func integers(from scanner: inout JSONScanner) throws(Problem) -> [Int] {
        var values: [Int] = []
        try scanner.array { (scanner) throws(Problem) in values.append(try scanner.integer()) }
        return values
    }

    /// Proves that the tensors, in the order of their bytes, cover the data once and whole; makes offsets absolute.
    private mutating func proveCoverage(dataBegin: Int, dataLength: Int) throws(Problem) {
        let ordered = entries.sorted {
            let (a, b) = ($0.value.bytes, $1.value.bytes)
            // Tensors without elements share their place with the next one; names make their order certain.
            return (a.lowerBound, a.upperBound) != (b.lowerBound, b.upperBound)
                ? (a.lowerBound, a.upperBound) < (b.lowerBound, b.upperBound) : $0.key < $1.key
        }
        var next = 0
        for (name, entry) in ordered {
            let begin = entry.bytes.lowerBound
            guard begin <= next else { throw .gap(tensor: name, begin: begin, expected: next) }
            guard begin >= next else { throw .overlap(tensor: name, begin: begin, expected: next) }
            var expected = entry.elementType.width
            for extent in entry.shape {
                let (product, overflow) = expected.multipliedReportingOverflow(by: extent)
                guard !overflow else { throw .shapeTooLarge(tensor: name, shape: entry.shape) }
                expected = product
            }
            guard entry.bytes.count == expected else {
                throw .wrongLength(
                    tensor: name, found: entry.bytes.count, expected: expected, shape: entry.shape,
                    type: entry.elementType)
            }
            next = entry.bytes.upperBound
        }
        guard next <= dataLength else { throw .truncated(found: dataLength, expected: next) }
        guard next == dataLength else { throw .trailingBytes(found: dataLength, expected: next) }
        names = ordered.map(\.key)
        for (name, entry) in ordered {  // no overflow: every bound was just seen to lie within the file
            entries[name]?.bytes = dataBegin + entry.bytes.lowerBound..<dataBegin + entry.bytes.upperBound
        }
    }

    /// What the first bytes give away. Read as a header's length, all of these are beyond the limit.
    private static func lookalike(_ file: UnsafeRawBufferPointer) -> SafetensorsError.Lookalike? {
        let start = String(decoding: file.prefix(64), as: UTF8.self)
        if start.hasPrefix("version https://git-lfs.github.com/spec/") { return .gitLFSPointer }
        if file.starts(with: [0x50, 0x4B, 0x03, 0x04]) && file.count >= 8 { return .zipArchive }
        let text = start.drop { $0.isWhitespace }.lowercased()
        return text.hasPrefix("<!doctype") || text.hasPrefix("<html") ? .htmlPage : nil
    }
}
