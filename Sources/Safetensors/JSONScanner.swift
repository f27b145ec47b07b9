/// A strict reader of the little JSON that a header consists of: it shows every key, also one that comes twice, which
/// general JSON readers swallow. The bytes must be valid UTF-8.
struct JSONScanner {
    typealias Problem = SafetensorsError.Problem

    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    /// Deeper nesting than any index has; a limit, since every level of `skipValue` takes stack.
    private static let depthLimit = 64

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Reads `{"key": value, …}`, calling `member` with each key to read the value.
    mutating func object(_ member: (inout Self, String) throws(Problem) -> Void) throws(Problem) {
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            try member(&self, key)
        } while take(",")
        try expect("}", orElse: "\",\" or \"}\"")
    }

    /// Reads `[value, …]`, calling `element` to read each value.
    mutating func array(_ element: (inout Self) throws(Problem) -> Void) throws(Problem) {
        try expect("[")
        if take("]") { return }
        repeat { try element(&self) } while take(",")
        try expect("]", orElse: "\",\" or \"]\"")
    }

    /// Reads a number that is a whole one, not negative, and below 2⁶³.
    mutating func integer() throws(Problem) -> Int {
        skipSpace()
        let start = position
        var value = 0
        while let digit = peek(), digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") {
            let (tens, over) = value.multipliedReportingOverflow(by: 10)
            let (sum, beyond) = tens.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
            guard !over, !beyond else { throw expected("an integer below 2^63", at: start) }
            value = sum
            position += 1
        }
        let leadingZero = position - start > 1 && bytes[start] == UInt8(ascii: "0")
        let goesOn = peek().map { [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains($0) } ?? false
        guard position > start, !leadingZero, !goesOn else { throw expected("a non-negative integer", at: start) }
        return value
    }

    /// Reads `"…"` and resolves its escapes.
    mutating func string() throws(Problem) -> String {
        skipSpace()
        guard take("\"") else { throw expected("a string") }
        var text: [UInt8] = []
        while let byte = peek() {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text.append(contentsOf: try escape().utf8)
            case ..<0x20: throw expected("an escaped control character", at: position - 1)
            default: text.append(byte)
            }
        }
        throw expected("the string's end")
    }

    /// Reads any value and forgets it.
    mutating func skipValue(depth: Int = 0) throws(Problem) {
        guard depth < Self.depthLimit else { throw expected("at most \(Self.depthLimit) levels of nesting") }
        skipSpace()
        switch peek() {
        case UInt8(ascii: "{"):
            try object { (scanner, _) throws(Problem) in try scanner.skipValue(depth: depth + 1) }
        case UInt8(ascii: "["):
            try array { (scanner) throws(Problem) in try scanner.skipValue(depth: depth + 1) }
        case UInt8(ascii: "\""):
            _ = try string()
        default:  // a number, true, false or null: all of the characters that these consist of
            let start = position
            while let byte = peek(), "+-.0123456789Eaeflnrstu".utf8.contains(byte) { position += 1 }
            guard position > start else { throw expected("a value") }
        }
    }

    /// Makes sure that nothing but space is left.
    mutating func end() throws(Problem) {
        skipSpace()
        guard position == bytes.count else { throw expected("the end") }
    }

    private mutating func escape() throws(Problem) -> String {
        let start = position - 1
        guard let letter = peek() else { throw expected("the string's end") }
        position += 1
        switch letter {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            var code = try hexadecimal(from: start)
            // Beyond the basic plane, JSON writes a character as the two halves of its UTF-16 form.
            if code & 0xFC00 == 0xD800, peek() == UInt8(ascii: "\\") {
                position += 1
                guard peek() == UInt8(ascii: "u") else { throw expected("a whole surrogate pair", at: start) }
                position += 1
                let low = try hexadecimal(from: start)
                guard low & 0xFC00 == 0xDC00 else { throw expected("a whole surrogate pair", at: start) }
                code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
            }
            guard let scalar = Unicode.Scalar(code) else { throw expected("a whole surrogate pair", at: start) }
            return String(Character(scalar))
        default: throw expected("an escape that JSON has", at: start)
        }
    }

    private mutating func hexadecimal(from start: Int) throws(Problem) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw expected("four hexadecimal digits", at: start)
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = peek(), [0x20, 0x0A, 0x0D, 0x09].contains(byte) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar, orElse words: String? = nil) throws(Problem) {
        guard take(character) else { throw expected(words ?? "\"\(character)\"") }
    }

    private func expected(_ what: String, at offset: Int? = nil) -> Problem {
        .malformedJSON(offset: offset ?? position, expected: what)
    }
}
