/// Reads the fields of a protocol-buffers message, one after the other.
///
/// The encoding: <https://protobuf.dev/programming-guides/encoding>.
struct ProtobufReader {
    /// A field's content. Numbers are as they stand in the file.
    enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes(Range<Int>)
        case fixed32(UInt32)
    }

    let file: String
    private let bytes: [UInt8]
    private(set) var position: Int
    private let end: Int

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
        (position, end) = (0, bytes.count)
    }

    /// A reader of the message that is the content of a field.
    func message(_ range: Range<Int>) -> ProtobufReader {
        var reader = self
        reader.position = range.lowerBound
        return ProtobufReader(reader, end: range.upperBound)
    }

    private init(_ other: ProtobufReader, end: Int) {
        (file, bytes, position) = (other.file, other.bytes, other.position)
        self.end = end
    }

    subscript(range: Range<Int>) -> ArraySlice<UInt8> { bytes[range] }

    /// The next field; nil at the end of the message.
    mutating func next() throws(TokenizerError) -> (number: Int, value: Value)? {
        guard position < end else { return nil }
        let tag = try varint()
        let number = Int(tag >> 3)
        guard number > 0 else { throw failure("a field without a number") }
        switch tag & 7 {
        case 0: return (number, .varint(try varint()))
        case 1: return (number, .fixed64(try fixed(8)))
        case 2:
            let count = try varint()
            guard count <= UInt64(end - position) else {
                throw failure("field \(number) says it has \(count) bytes, and \(end - position) are left")
            }
            defer { position += Int(count) }
            return (number, .bytes(position..<position + Int(count)))
        case 5: return (number, .fixed32(UInt32(truncatingIfNeeded: try fixed(4))))
        default: throw failure("field \(number) is of kind \(tag & 7), which does not exist")
        }
    }

    private mutating func varint() throws(TokenizerError) -> UInt64 {
        var (value, shift): (UInt64, UInt64) = (0, 0)
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw failure("a number without end")
    }

    private mutating func fixed(_ count: Int) throws(TokenizerError) -> UInt64 {
        guard end - position >= count else { throw failure("a number of \(count) bytes is cut off") }
        defer { position += count }
        return (0..<count).reduce(0) { $0 | UInt64(bytes[position + $1]) << UInt64($1 * 8) }
    }

    func failure(_ reason: String) -> TokenizerError {
        .invalidSentencePiece(file: file, offset: position, reason: reason)
    }
}
