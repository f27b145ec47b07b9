import Foundation

/// A value in JSON whose kind is not known beforehand.
enum JSONValue: Decodable {
    case text(String)
    case number(Double)
    case flag(Bool)
    case list([JSONValue])
    case object
    case null

    /// Tries the kinds in the order in which they are likely: each miss costs an error.
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self = .text(text)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let list = try? container.decode([JSONValue].self) {
            self = .list(list)
        } else if let flag = try? container.decode(Bool.self) {
            self = .flag(flag)
        } else {
            self = container.decodeNil() ? .null : .object
        }
    }

    /// The kind of value, for errors.
    var kind: String {
        switch self {
        case .text: "text"
        case .number: "a number"
        case .flag(let flag): flag ? "true" : "false"
        case .list: "a list"
        case .object: "an object"
        case .null: "null"
        }
    }
}

/// A line of JSON: an object with the names of all its fields and the values of the wanted ones, or something else.
enum JSONLine: DecodableWithConfiguration {
    case object(names: [String], values: [String: JSONValue])
    case other(JSONValue)

    init(from decoder: any Decoder, configuration wanted: [String]) throws {
        guard let container = try? decoder.container(keyedBy: FieldName.self) else {
            self = .other(try JSONValue(from: decoder))
            return
        }
        var values: [String: JSONValue] = [:]
        for name in wanted {
            values[name] = try container.decodeIfPresent(JSONValue.self, forKey: FieldName(stringValue: name))
        }
        self = .object(names: container.allKeys.map(\.stringValue).sorted(), values: values)
    }

    /// Any name at all.
    private struct FieldName: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
