/// The rows of a table in a text: RFC 4180 with any separator. Fields in quotes may hold separators, quotes written
/// twice and line ends; a quote inside a field that does not begin with one is a letter like others.
///
/// Lines end with a line feed, with or without a carriage return; blank lines are no rows.
struct DelimitedRows {
    private let bytes: UnsafeRawBufferPointer
    private let separator: UInt8
    private var offset: Int
    private var line = 1

    init(_ bytes: UnsafeRawBufferPointer, separator: Character) {
        precondition(separator.isASCII && separator != "\"", "the separator is one ASCII character and no quote")
        self.bytes = bytes
        self.separator = separator.asciiValue ?? 0
        offset = TextLines.hasByteOrderMark(bytes) ? 3 : 0
    }

    /// A row as it stands in the text.
    struct Row {
        /// The line it begins on, from 1.
        let line: Int
        /// Its fields.
        let fields: [Field]
    }

    /// A field as it stands in the text.
    struct Field {
        /// Its bytes without the quotes around them.
        let bytes: UnsafeRawBufferPointer
        /// Whether there are quotes written twice in it.
        let hasDoubledQuotes: Bool
        /// The line it begins on, from 1.
        let line: Int

        /// The text, nil if it is not UTF-8.
        var text: String? {
            guard hasDoubledQuotes else { return bytes.text }
            var single: [UInt8] = []
            single.reserveCapacity(bytes.count)
            var isSecond = false
            for byte in bytes {
                isSecond = byte == quote && !isSecond && single.last == quote
                if !isSecond { single.append(byte) }
            }
            return String(validating: single, as: UTF8.self)
        }
    }

    /// A place where the table is wrong, and how: the line, and the column if it is about one, from 1.
    struct Failure: Error {
        let line: Int
        let column: Int?
        let problem: DataError.Problem
    }

    /// The next row, nil at the end.
    mutating func next() throws(Failure) -> Row? {
        skipBlankLines()
        guard offset < bytes.count else { return nil }
        let start = line
        var fields: [Field] = []
        while true {
            fields.append(
                bytes[offset...].first == quote
                    ? try quotedField(column: fields.count + 1) : unquotedField())
            guard offset < bytes.count, bytes[offset] == separator else { break }
            offset += 1
        }
        skipLineEnd()
        return Row(line: start, fields: fields)
    }

    private mutating func skipBlankLines() {
        while offset < bytes.count {
            let before = offset
            skipLineEnd()
            if offset == before { return }
        }
    }

    private mutating func skipLineEnd() {
        if isLineEnd(offset) {
            offset += bytes[offset] == carriageReturn ? 2 : 1
            line += 1
        } else if offset + 1 == bytes.count, bytes[offset] == carriageReturn {
            offset += 1
        }
    }

    private func isLineEnd(_ place: Int) -> Bool {
        guard place < bytes.count else { return false }
        return bytes[place] == lineFeed
            || bytes[place] == carriageReturn && place + 1 < bytes.count && bytes[place + 1] == lineFeed
    }

    private mutating func unquotedField() -> Field {
        let start = offset
        while offset < bytes.count, bytes[offset] != separator, bytes[offset] != lineFeed { offset += 1 }
        var end = offset
        // A carriage return belongs to the line end.
        if end > start, bytes[end - 1] == carriageReturn, end == bytes.count || bytes[end] == lineFeed {
            end -= 1
            offset = end
        }
        return Field(
            bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<end]), hasDoubledQuotes: false, line: line)
    }

    private mutating func quotedField(column: Int) throws(Failure) -> Field {
        let (startLine, start) = (line, offset + 1)
        var hasDoubledQuotes = false
        offset = start
        while offset < bytes.count {
            if bytes[offset] == lineFeed { line += 1 }
            guard bytes[offset] == quote else {
                offset += 1
                continue
            }
            if offset + 1 < bytes.count, bytes[offset + 1] == quote {
                hasDoubledQuotes = true
                offset += 2
                continue
            }
            let content = UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
            offset += 1
            let isAtEnd =
                offset == bytes.count || bytes[offset] == separator || isLineEnd(offset)
                || bytes[offset] == carriageReturn && offset + 1 == bytes.count
            guard isAtEnd else { throw Failure(line: line, column: column, problem: .textAfterQuote) }
            return Field(bytes: content, hasDoubledQuotes: hasDoubledQuotes, line: startLine)
        }
        throw Failure(line: startLine, column: column, problem: .unterminatedQuote)
    }
}

private let quote = UInt8(ascii: "\"")
private let lineFeed = UInt8(ascii: "\n")
private let carriageReturn = UInt8(ascii: "\r")
