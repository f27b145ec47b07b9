/// HTML or SVG that is safe by construction: what stands in a literal is markup, what is put into one is text and is
/// escaped, unless it is markup itself.
///
///     let text = "a < b"
///     let markup: Markup = "<p>\(text)</p>"       // <p>a &lt; b</p>
package struct Markup: ExpressibleByStringInterpolation, Sendable, Equatable {
    /// The markup as text.
    package private(set) var text: String

    package init(stringLiteral value: String) { text = value }

    package init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

    /// Collects the pieces of a literal.
    package struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        package init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }
        package mutating func appendLiteral(_ literal: String) { text += literal }
        package mutating func appendInterpolation(_ string: String) { text += Markup.escaped(string) }
        package mutating func appendInterpolation(_ number: Int) { text += String(number) }
        package mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
        package mutating func appendInterpolation(_ parts: [Markup]) { for part in parts { text += part.text } }
    }

    package static func + (left: Markup, right: Markup) -> Markup { "\(left)\(right)" }
    package static func += (left: inout Markup, right: Markup) { left.text += right.text }

    /// Text as it stands between tags and inside quoted attributes. Control characters, which HTML does not allow, become
    /// U+FFFD.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        escaped.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\t", "\n": escaped.unicodeScalars.append(scalar)
            case _ where scalar.properties.generalCategory == .control: escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
