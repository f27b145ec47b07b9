/// A strict, forward reader of one JSON text (RFC 8259): duplicate names, lone surrogates and anything after the value
/// are refused.
///
/// A tokenizer's vocabulary is one object of tens of thousands of fields. Reading it field by field, straight into
/// the tokenizer's own tables, is why this exists: it takes a few milliseconds where a general parser takes tens.
struct JSONReader {
    private static let maximumDepth = 100

    let file: String
    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0
    /// Whether the object or array just entered has had no element yet.
    private var isFirst = true

    /// Refuses bytes that are not UTF-8.
    init(_ bytes: [UInt8], file: String) throws(TokenizerError) {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .notUTF8(file: file) }
        self.bytes = bytes
        self.file = file
    }

    /// Reads the whole text as one value.
    mutating func document() throws(TokenizerError) -> JSONValue {
        let value = try value()
        try end()
        return value
    }

    /// Checks that nothing is left.
    mutating func end() throws(TokenizerError) {
        if let byte = peek() { throw failure("expected the end, found \(name(byte))") }
    }

    // MARK: Values

    mutating func value() throws(TokenizerError) -> JSONValue {
        switch peek() {
        case UInt8(ascii: "{"):
            var fields: [JSONValue.Field] = []
            var names: Set<[UInt8]> = []
            try enterObject()
            while let field = try nextField() {
                guard names.insert(Array(field.utf8)).inserted else {
                    throw failure("the name “\(field)” stands twice")
                }
                fields.append(.init(name: field, value: try value()))
            }
            return .object(fields)
        case UInt8(ascii: "["):
            var values: [JSONValue] = []
            try enterArray()
            while try nextElement() { values.append(try value()) }
            return .array(values)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try keyword("true", .boolean(true))
        case UInt8(ascii: "f"): return try keyword("false", .boolean(false))
        case UInt8(ascii: "n"): return try keyword("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte): return try number()
        case let byte?: throw failure("expected a value, found \(name(byte))")
        case nil: throw failure("expected a value, found the end")
        }
    }

    /// Whether an object comes next.
    var isAtObject: Bool {
        mutating get { peek() == UInt8(ascii: "{") }
    }

    /// Whether a string comes next.
    var isAtString: Bool {
        mutating get { peek() == UInt8(ascii: "\"") }
    }

    /// Whether an array comes next.
    var isAtArray: Bool {
        mutating get { peek() == UInt8(ascii: "[") }
    }

    /// Steps into an array; `nextElement` then says whether there is one more.
    mutating func enterArray() throws(TokenizerError) { try enter(UInt8(ascii: "[")) }

    /// Whether the array has one more element, which comes next; past the last one the array is left.
    mutating func nextElement() throws(TokenizerError) -> Bool { try nextElement(before: UInt8(ascii: "]")) }

    /// Steps into an object; `nextField` then gives its names.
    mutating func enterObject() throws(TokenizerError) { try enter(UInt8(ascii: "{")) }

    /// The next name of the object, its value coming next; nil past the last one.
    mutating func nextField() throws(TokenizerError) -> String? {
        var name: [UInt8] = []
        guard try nextField(into: &name) else { return nil }
        return String(decoding: name, as: UTF8.self)
    }

    /// Like `nextField()`, but the name's bytes are added to an array; false past the last one.
    mutating func nextField(into name: inout [UInt8]) throws(TokenizerError) -> Bool {
        guard try nextElement(before: UInt8(ascii: "}")) else { return false }
        try appendString(to: &name)
        try expect(UInt8(ascii: ":"))
        return true
    }

    /// A whole number of at least 0 without sign, fraction or exponent, at most `Int32.max`; nil if something else comes.
    mutating func identifier() -> Int32? {
        guard peek() != nil else { return nil }
        var (index, value) = (position, 0)
        while index < bytes.count, case let byte = bytes[index], byte >= 0x30, byte <= 0x39, index - position < 10 {
            value = value * 10 + Int(byte - 0x30)
            index += 1
        }
        let hasLeadingZero = bytes[position] == 0x30 && index > position + 1
        guard index > position, !hasLeadingZero, index < bytes.count, value <= Int(Int32.max) else { return nil }
        switch bytes[index] {
        case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), 0x30...0x39: return nil
        default: break
        }
        position = index
        return Int32(value)
    }

    mutating func string() throws(TokenizerError) -> String {
        var text: [UInt8] = []
        try appendString(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads a string, adding its bytes to an array.
    mutating func string(into text: inout [UInt8]) throws(TokenizerError) { try appendString(to: &text) }

    // MARK: Structure

    private mutating func enter(_ bracket: UInt8) throws(TokenizerError) {
        try expect(bracket)
        depth += 1
        guard depth <= Self.maximumDepth else { throw failure("more than \(Self.maximumDepth) levels deep") }
        isFirst = true
    }

    private mutating func nextElement(before bracket: UInt8) throws(TokenizerError) -> Bool {
        if peek() == bracket {
            position += 1
            depth -= 1
            isFirst = false
            return false
        }
        if isFirst { isFirst = false } else { try expect(UInt8(ascii: ",")) }
        return true
    }

    /// The next byte that is not white space, which is stepped over.
    mutating func peek() -> UInt8? {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            case let byte: return byte
            }
        }
        return nil
    }

    private mutating func expect(_ byte: UInt8) throws(TokenizerError) {
        let found = peek()
        guard found == byte else {
            throw failure("expected \(name(byte)), found \(found.map(name) ?? "the end")")
        }
        position += 1
    }

    private mutating func keyword(_ word: StaticString, _ value: JSONValue) throws(TokenizerError) -> JSONValue {
        for index in 0..<word.utf8CodeUnitCount {
            guard position < bytes.count, bytes[position] == word.utf8Start[index] else {
                throw failure("expected \(word)")
            }
            position += 1
        }
        return value
    }

    // MARK: Numbers

    private mutating func number() throws(TokenizerError) -> JSONValue {
        let start = position
        var isWhole = true
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        let first = position
        try digits()
        if bytes[first] == UInt8(ascii: "0"), position > first + 1 { throw failure("a number starts with 0") }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            try digits()
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            position += 1
            let hasSign = position < bytes.count && (bytes[position] == 0x2B || bytes[position] == 0x2D)
            if hasSign { position += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text) else { throw failure("\(text) is not a number") }
        return .number(value)
    }

    private mutating func digits() throws(TokenizerError) {
        let start = position
        while position < bytes.count, bytes[position] >= 0x30, bytes[position] <= 0x39 { position += 1 }
        guard position > start else { throw failure("expected a digit") }
    }

    /// Gives the bytes and the position, for a reader of another kind of number.
    mutating func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>, inout Int) -> Result) -> Result {
        bytes.withUnsafeBufferPointer { body($0, &position) }
    }

    // MARK: Strings

    private mutating func appendString(to text: inout [UInt8]) throws(TokenizerError) {
        try expect(UInt8(ascii: "\""))
        while true {
            // Up to the quote that ends the string, or what needs a closer look.
            bytes.withUnsafeBufferPointer { bytes in
                let start = position
                while position < bytes.count, bytes[position] >= 0x20, bytes[position] != UInt8(ascii: "\""),
                    bytes[position] != UInt8(ascii: "\\")
                {
                    position += 1
                }
                text.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<position]))
            }
            guard position < bytes.count else { throw failure("a string without end") }
            let byte = bytes[position]
            guard byte >= 0x20 else { throw failure("a control character in a string; write it as \\u00XX") }
            position += 1
            if byte == UInt8(ascii: "\"") { return }
            try appendEscape(to: &text)
        }
    }

    private mutating func appendEscape(to text: inout [UInt8]) throws(TokenizerError) {
        guard position < bytes.count else { throw failure("a string without end") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var value = try codeUnit()
            let isHighSurrogate = value & 0xFC00 == 0xD800
            let hasPartner = position + 1 < bytes.count && bytes[position] == 0x5C && bytes[position + 1] == 0x75
            if isHighSurrogate, hasPartner {
                position += 2
                let low = try codeUnit()
                guard low & 0xFC00 == 0xDC00 else { throw failure("half a surrogate pair") }
                value = 0x10000 + (value & 0x3FF) << 10 + low & 0x3FF
            }
            guard let scalar = Unicode.Scalar(value) else { throw failure("half a surrogate pair") }
            text.append(contentsOf: UTF8.encode(scalar) ?? .init())
        default: throw failure("the escape \\\(name(byte)) does not exist")
        }
    }

    /// The four hexadecimal digits after `\u`.
    private mutating func codeUnit() throws(TokenizerError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            let byte = position < bytes.count ? bytes[position] : 0
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw failure("\\u needs four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    // MARK: Errors

    private func failure(_ reason: String) -> TokenizerError {
        .invalidJSON(file: file, offset: position, reason: reason)
    }

    private func name(_ byte: UInt8) -> String {
        (0x21...0x7E).contains(byte) ? "“\(Unicode.Scalar(byte))”" : "byte \(byte)"
    }
}
