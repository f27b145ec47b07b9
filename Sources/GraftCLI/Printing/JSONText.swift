import Foundation

/// JSON to print, with fields in the order that they are given in: what people read first comes first.
indirect enum JSONText {
    case string(String)
    case integer(Int)
    case float(Float)
    case double(Double)
    case flag(Bool)
    case null
    case array([JSONText])
    case object([(name: String, value: JSONText)])

    /// In one line.
    var line: String {
        switch self {
        case .string(let text): JSONText.quoted(text)
        case .integer(let number): "\(number)"
        // The shortest digits that read back as the same number.
        case .float(let number): number.isFinite ? "\(number)" : "null"
        case .double(let number): number.isFinite ? "\(number)" : "null"
        case .flag(let flag): flag ? "true" : "false"
        case .null: "null"
        case .array(let values): "[" + values.map(\.line).joined(separator: ",") + "]"
        case .object(let fields):
            "{" + fields.map { JSONText.quoted($0.name) + ":" + $0.value.line }.joined(separator: ",") + "}"
        }
    }

    /// As Foundation escapes text.
    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        guard let data = try? encoder.encode(text), let quoted = String(bytes: data, encoding: .utf8) else {
            preconditionFailure("any text is JSON")
        }
        return quoted
    }
}
