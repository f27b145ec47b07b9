/// A JSON object with where it stands, so that errors can say so.
struct JSONObject {
    let file: String
    /// The names on the way to the object, joined by points; empty for the document.
    let path: String
    private let fields: [JSONValue.Field]

    init(_ value: JSONValue, file: String, path: String) throws(TokenizerError) {
        guard case .object(let fields) = value else {
            throw .unexpectedValue(
                file: file, field: path.isEmpty ? "the document" : path, found: value.summary, expected: "an object")
        }
        self.init(fields: fields, file: file, path: path)
    }

    init(fields: [JSONValue.Field], file: String, path: String) {
        self.fields = fields
        self.file = file
        self.path = path
    }

    /// The value of a field; nil where there is none or it is null.
    subscript(name: String) -> JSONValue? {
        fields.first { $0.name.isExactly(name) && $0.value != .null }?.value
    }

    /// Whether there is such a field, null or not.
    func has(_ name: String) -> Bool { fields.contains { $0.name.isExactly(name) } }

    var names: [String] { fields.map(\.name) }

    func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// Refuses fields of other names.
    func allow(only names: [String]) throws(TokenizerError) {
        for field in fields where !names.contains(field.name) {
            throw .unknownField(file: file, field: path(of: field.name))
        }
    }

    func required(_ name: String) throws(TokenizerError) -> JSONValue {
        guard let value = fields.first(where: { $0.name.isExactly(name) })?.value else {
            throw .missingField(file: file, field: path(of: name))
        }
        return value
    }

    func string(_ name: String) throws(TokenizerError) -> String {
        guard case .string(let text) = try required(name) else { throw unexpected(name, "a string") }
        return text
    }

    func optionalString(_ name: String) throws(TokenizerError) -> String? {
        self[name] == nil ? nil : try string(name)
    }

    func flag(_ name: String) throws(TokenizerError) -> Bool {
        guard case .boolean(let flag) = try required(name) else { throw unexpected(name, "true or false") }
        return flag
    }

    func optionalFlag(_ name: String) throws(TokenizerError) -> Bool? {
        self[name] == nil ? nil : try flag(name)
    }

    /// A whole number from 0.
    func count(_ name: String) throws(TokenizerError) -> Int {
        guard case .integer(let number) = try required(name), number >= 0 else {
            throw unexpected(name, "a whole number from 0")
        }
        return number
    }

    func id(_ name: String) throws(TokenizerError) -> Int32 {
        guard let id = Int32(exactly: try count(name)) else { throw unexpected(name, "an id up to \(Int32.max)") }
        return id
    }

    func object(_ name: String) throws(TokenizerError) -> JSONObject {
        try JSONObject(try required(name), file: file, path: path(of: name))
    }

    func array(_ name: String) throws(TokenizerError) -> [JSONValue] {
        guard case .array(let values) = try required(name) else { throw unexpected(name, "an array") }
        return values
    }

    func objects(_ name: String) throws(TokenizerError) -> [JSONObject] {
        var objects: [JSONObject] = []
        for (index, value) in try array(name).enumerated() {
            objects.append(try JSONObject(value, file: file, path: "\(path(of: name))[\(index)]"))
        }
        return objects
    }

    func unexpected(_ name: String, _ expected: String) -> TokenizerError {
        let found = fields.first { $0.name.isExactly(name) }?.value.summary ?? "missing"
        return .unexpectedValue(file: file, field: path(of: name), found: found, expected: expected)
    }
}
