/// A small JSON document in memory, fields in the order of the file.
enum JSONValue: Equatable {
    case null
    case boolean(Bool)
    case integer(Int)
    /// A number with a fraction or an exponent, or one too large for `Int`.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([Field])

    struct Field: Equatable {
        let name: String
        let value: JSONValue
    }

    /// What it is, in a few words, for errors.
    var summary: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): value.count > 60 ? "“\(value.prefix(60))…”" : "“\(value)”"
        case .array(let values): "an array of \(values.count)"
        case .object(let fields): "an object of \(fields.count) fields"
        }
    }
}
