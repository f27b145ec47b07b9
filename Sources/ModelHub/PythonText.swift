/// The few of Python's text functions that decide how the examples' data is split: reproduced to the letter, so that
/// the files here are those that any Python script makes of the same package.
package enum PythonText {
    /// What `str.split()` and `str.strip()` take for space.
    package static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }

    /// `" ".join(text.split())`
    package static func joinedWords(_ text: String) -> String {
        text.unicodeScalars.split(whereSeparator: isSpace).map { String($0) }.joined(separator: " ")
    }

    /// `text.strip()`
    package static func stripped(_ text: some StringProtocol) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return "" }
        return String(String.UnicodeScalarView(scalars[first...last]))
    }

    /// `text.splitlines()`
    package static func lines(_ text: String) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var afterReturn = false
        var isOpen = false
        for scalar in text.unicodeScalars {
            let endsReturn = afterReturn && scalar == "\n"
            afterReturn = scalar == "\r"
            if endsReturn { continue }
            switch scalar.value {
            case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029:
                lines.append(String(line))
                line = String.UnicodeScalarView()
                isOpen = false
            default:
                line.append(scalar)
                isOpen = true
            }
        }
        return isOpen ? lines + [String(line)] : lines
    }

    /// `json.dumps(text, ensure_ascii=ascii)`
    package static func json(_ text: String, ascii: Bool) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{8}": result += "\\b"
            case "\u{c}": result += "\\f"
            case ..<" ": result += escape(UInt16(scalar.value))
            case "\u{7f}"... where ascii: result += scalar.utf16.map(escape).joined()
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// `json.dumps(number)`; the same digits as Swift's own for every number from 10⁻⁴ up to 10¹⁶.
    package static func json(_ number: Double) -> String {
        precondition(number == 0 || (1e-4..<1e16).contains(number.magnitude), "Python writes this number another way")
        return "\(number)"
    }

    private static func escape(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
