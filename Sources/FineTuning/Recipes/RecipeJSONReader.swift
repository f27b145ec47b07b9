/// Reads JSON (RFC 8259) as strictly as a file that people write wants it: what is wrong is told by line and column, and a name
/// that stands twice in an object is refused.
struct RecipeJSONReader {
    private let bytes: [UInt8]
    private let file: String
    private var position = 0
    private var line = 1
    private var lineStart = 0
    private var depth = 0

    /// More than any recipe has: a file of brackets alone must not exhaust the stack.
    private static let maximumDepth = 64

    /// The one value that the bytes are.
    static func read(_ bytes: [UInt8], file: String) throws(RecipeError) -> RecipeValue {
        var reader = RecipeJSONReader(bytes: bytes, file: file)
        if String(validating: bytes, as: UTF8.self) == nil { throw RecipeError(file, .notUTF8) }
        let value = try reader.value()
        reader.skipSpace()
        if reader.position < bytes.count { throw reader.failure("the end of the file") }
        return value
    }

    private init(bytes: [UInt8], file: String) { (self.bytes, self.file) = (bytes, file) }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\n"):
                line += 1
                lineStart = position + 1
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): break
            default: return
            }
            position += 1
        }
    }

    private mutating func value() throws(RecipeError) -> RecipeValue {
        skipSpace()
        let start = line
        switch next {
        case UInt8(ascii: "{"): return RecipeValue(line: start, content: .object(try fields()))
        case UInt8(ascii: "["): return RecipeValue(line: start, content: .list(try elements()))
        case UInt8(ascii: "\""): return RecipeValue(line: start, content: .text(try text()))
        case let byte? where byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte):
            return RecipeValue(line: start, content: .number(try number()))
        default:
            for (word, content) in [("true", RecipeValue.Content.flag(true)), ("false", .flag(false)), ("null", .null)]
            where bytes[position...].starts(with: word.utf8) {
                position += word.utf8.count
                return RecipeValue(line: start, content: content)
            }
            throw failure("a value")
        }
    }

    private mutating func fields() throws(RecipeError) -> [RecipeValue.Field] {
        var fields: [RecipeValue.Field] = []
        try items(until: UInt8(ascii: "}")) { (reader: inout RecipeJSONReader) throws(RecipeError) in
            let line = reader.line
            guard reader.next == UInt8(ascii: "\"") else { throw reader.failure("a name in double quotes") }
            let name = try reader.text()
            if fields.contains(where: { $0.name == name }) {
                throw RecipeError(reader.file, line: line, .nameTwice(name))
            }
            reader.skipSpace()
            guard reader.next == UInt8(ascii: ":") else { throw reader.failure("':' after the name") }
            reader.position += 1
            fields.append(.init(name: name, value: try reader.value()))
        }
        return fields
    }

    private mutating func elements() throws(RecipeError) -> [RecipeValue] {
        var values: [RecipeValue] = []
        try items(until: UInt8(ascii: "]")) { (reader: inout RecipeJSONReader) throws(RecipeError) in
            values.append(try reader.value())
        }
        return values
    }

    /// What stands between brackets, with commas between.
    private mutating func items(
        until end: UInt8, _ item: (inout RecipeJSONReader) throws(RecipeError) -> Void
    ) throws(RecipeError) {
        depth += 1
        defer { depth -= 1 }
        if depth > RecipeJSONReader.maximumDepth { throw failure("fewer brackets within each other") }
        position += 1
        skipSpace()
        if next == end {
            position += 1
            return
        }
        while true {
            skipSpace()
            try item(&self)
            skipSpace()
            if next == end {
                position += 1
                return
            }
            let closing = String(UnicodeScalar(end))
            guard next == UInt8(ascii: ",") else { throw failure("',' or '\(closing)'") }
            position += 1
            skipSpace()
            if next == end { throw failure("something after the last ',', or no ','") }
        }
    }

    private mutating func number() throws(RecipeError) -> String {
        let start = position
        func digits() -> Bool {
            let first = position
            while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
            return position > first
        }
        if next == UInt8(ascii: "-") { position += 1 }
        let isZero = next == UInt8(ascii: "0")
        let whole = position
        guard digits(), !isZero || position == whole + 1 else {
            position = start
            throw failure("a number, without zeros before it")
        }
        if next == UInt8(ascii: ".") {
            position += 1
            guard digits() else { throw failure("digits after the point") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            guard digits() else { throw failure("digits of the exponent") }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func text() throws(RecipeError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                position += 1
                text += Array(String(try escape()).utf8)
            case 0..<0x20: throw failure("the closing quote, or \\n for a new line")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw failure("a closing quote")
    }

    /// What a backslash and the letters after it stand for.
    private mutating func escape() throws(RecipeError) -> UnicodeScalar {
        let plain: [UInt8: UnicodeScalar] = [
            UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
            UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
        ]
        guard let letter = next else { throw failure("a letter after '\\'") }
        if let scalar = plain[letter] {
            position += 1
            return scalar
        }
        guard letter == UInt8(ascii: "u") else { throw failure("one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u") }
        let high = try codeUnit()
        if let scalar = UnicodeScalar(high) { return scalar }
        // Beyond U+FFFF a scalar is written as two units.
        guard high < 0xDC00, next == UInt8(ascii: "\\") else { throw failure("the other half of the character") }
        position += 1
        let low = try codeUnit()
        guard (0xDC00..<0xE000).contains(low),
            let scalar = UnicodeScalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
        else { throw failure("the other half of the character") }
        return scalar
    }

    /// The number in `uXXXX`.
    private mutating func codeUnit() throws(RecipeError) -> UInt32 {
        let digits = bytes[min(position + 1, bytes.count)..<min(position + 5, bytes.count)]
        guard next == UInt8(ascii: "u"), digits.count == 4,
            digits.allSatisfy({ UnicodeScalar($0).properties.isASCIIHexDigit }),
            let unit = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw failure("four digits after \\u") }
        position += 5
        return unit
    }

    private func failure(_ expected: String) -> RecipeError {
        let rest = String(decoding: bytes[position...].prefix(24), as: UTF8.self)
        let found = rest.prefix { !$0.isNewline }
        let place = bytes[lineStart..<min(position, bytes.count)]
        let column = String(decoding: place, as: UTF8.self).count + 1
        return RecipeError(
            file, line: line,
            .notJSON(
                column: column, found: rest.isEmpty ? "the end of the file" : "'\(found.prefix(12))'",
                expected: expected))
    }
}
