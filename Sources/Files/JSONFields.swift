import Foundation

/// The fields of a JSON object in a file, each read with its type checked and its name in the error.
public struct JSONFields {
    /// The path of the file, for errors.
    public let file: String
    private let fields: [String: Any]

    /// Reads the file whole.
    public init(contentsOf url: URL) throws(JSONFieldsError) {
        file = url.path(percentEncoded: false)
        guard let fields = try JSONFields.value(of: url) as? [String: Any] else { throw .notAnObject(file: file) }
        self.fields = fields
    }

    /// Reads a file that holds a list of objects.
    public static func list(contentsOf url: URL) throws(JSONFieldsError) -> [JSONFields] {
        let file = url.path(percentEncoded: false)
        guard let objects = try value(of: url) as? [[String: Any]] else { throw .notAList(file: file) }
        return objects.map { JSONFields(file: file, fields: $0) }
    }

    private init(file: String, fields: [String: Any]) { (self.file, self.fields) = (file, fields) }

    private static func value(of url: URL) throws(JSONFieldsError) -> Any {
        let file = url.path(percentEncoded: false)
        let data: Data
        do { data = try FilesError.catching("read", file) { try Data(contentsOf: url) } } catch {
            throw .unreadableFile(file: file, reason: error.reason)
        }
        guard let value = try? JSONSerialization.jsonObject(with: data) else { throw .notJSON(file: file) }
        return value
    }

    /// The names of all fields, sorted.
    public var names: [String] { fields.keys.sorted() }

    /// The value of a field as it is, nil where it is missing or null.
    public func value(_ name: String) -> Any? {
        fields[name].flatMap { $0 is NSNull ? nil : $0 }
    }

    /// A whole number above zero.
    public func positive(_ name: String, default fallback: Int? = nil) throws(JSONFieldsError) -> Int {
        guard let value = value(name) else {
            if let fallback { return fallback }
            throw .missingField(file: file, field: name)
        }
        guard let number = value as? Int, number > 0 else { throw invalid(name, value, "a whole number above 0") }
        return number
    }

    /// A whole number that may be 0.
    public func count(_ name: String, default fallback: Int) throws(JSONFieldsError) -> Int {
        guard let value = value(name) else { return fallback }
        guard let number = value as? Int, number >= 0 else { throw invalid(name, value, "a whole number, 0 or more") }
        return number
    }

    /// A number within bounds.
    public func number(
        _ name: String, default fallback: Float, in bounds: ClosedRange<Float>
    ) throws(JSONFieldsError) -> Float {
        guard let value = value(name) else { return fallback }
        guard let number = value as? Double, bounds.contains(Float(number)) else {
            throw invalid(name, value, "a number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return Float(number)
    }

    /// Yes or no.
    public func flag(_ name: String, default fallback: Bool) throws(JSONFieldsError) -> Bool {
        guard let value = value(name) else { return fallback }
        guard let flag = value as? Bool else { throw invalid(name, value, "true or false") }
        return flag
    }

    /// One of the given names.
    public func choice<Choice>(
        _ name: String, default fallback: String? = nil, of choices: [(name: String, choice: Choice)]
    ) throws(JSONFieldsError) -> Choice {
        guard let value = value(name) ?? fallback else { throw .missingField(file: file, field: name) }
        let text = value as? String ?? (value as? Bool).map { $0 ? "true" : "false" }
        guard let found = choices.first(where: { $0.name == text }) else {
            throw invalid(name, value, choices.map(\.name).joined(separator: ", "))
        }
        return found.choice
    }

    /// Refuses a value that does not hold to what is expected of it.
    public func check(
        _ name: String, _ value: Any, _ expected: String, _ holds: Bool
    ) throws(JSONFieldsError) {
        if !holds { throw invalid(name, value, expected) }
    }

    /// Refuses a field that is not among `known`, unless it is null, false or empty: it could change what is meant.
    public func checkNames(_ known: [String]) throws(JSONFieldsError) {
        for name in names where !known.contains(name) {
            switch value(name) {
            case nil: continue
            case let flag as Bool where !flag: continue
            case let list as [Any] where list.isEmpty: continue
            case let fields as [String: Any] where fields.isEmpty: continue
            case let value?: throw invalid(name, value, "no such field, only \(known.joined(separator: ", "))")
            }
        }
    }

    /// What was read of a field that has to be there.
    public func required<Value>(_ name: String, _ value: Value?) throws(JSONFieldsError) -> Value {
        guard let value else { throw .missingField(file: file, field: name) }
        return value
    }

    /// Text; nil where missing.
    public func text(_ name: String) throws(JSONFieldsError) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value as? String else { throw invalid(name, value, "text") }
        return text
    }

    /// A list of names, or a single name; empty where missing.
    public func names(_ name: String) throws(JSONFieldsError) -> [String] {
        switch value(name) {
        case nil: []
        case let text as String: [text]
        case let names as [String]: names
        case let value?: throw invalid(name, value, "a list of names")
        }
    }

    /// An object of numbers; empty where missing.
    public func numbers(_ name: String) throws(JSONFieldsError) -> [String: Double] {
        guard let value = value(name) else { return [:] }
        guard let numbers = value as? [String: Double] else { throw invalid(name, value, "an object of numbers") }
        return numbers
    }

    /// The fields of an object in a field; nil where missing.
    package func object(_ name: String) throws(JSONFieldsError) -> JSONFields? {
        guard let value = value(name) else { return nil }
        guard let fields = value as? [String: Any] else { throw invalid(name, value, "an object") }
        return JSONFields(file: file, fields: fields)
    }

    /// The error of a field that has the wrong kind of value.
    public func invalid(_ name: String, _ value: Any, _ expected: String) -> JSONFieldsError {
        // Foundation's numbers are written 1 and 0 where the file says true and false.
        let number = value as? NSNumber
        let isFlag = number.map { String(cString: $0.objCType) == "c" } ?? false
        let found = isFlag ? "\(number?.boolValue ?? false)" : "\(value)"
        return .invalidField(file: file, field: name, found: found, expected: expected)
    }

    /// The bytes of a JSON file with these fields: indented, keys sorted, so that equal fields are equal bytes.
    public static func encoded(_ fields: [String: Any]) -> Data {
        do {
            return try JSONSerialization.data(
                withJSONObject: fields, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
        } catch { preconditionFailure("fields are text, numbers, lists and objects of them") }
    }
}
