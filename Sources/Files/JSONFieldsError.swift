/// What can be wrong with a JSON file whose fields are read by name.
public enum JSONFieldsError: Error, Sendable, Equatable {
    /// The file could not be read.
    case unreadableFile(file: String, reason: String)
    /// The file is not JSON.
    case notJSON(file: String)
    /// The file holds JSON, but no object.
    case notAnObject(file: String)
    /// The file holds JSON, but no list of objects.
    case notAList(file: String)
    /// A field that has to be there is not.
    case missingField(file: String, field: String)
    /// A field has a value that cannot be honoured.
    case invalidField(file: String, field: String, found: String, expected: String)
}

extension JSONFieldsError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .unreadableFile(let file, let reason): "\(file) cannot be read: \(reason)"
        case .notJSON(let file): "\(file) is not JSON; it may be damaged, so fetch or write it again"
        case .notAnObject(let file): "\(file) does not hold a JSON object; fetch or write it again"
        case .notAList(let file): "\(file) does not hold a JSON list of objects; fetch or write it again"
        case .missingField(let file, let field): "\(file) has no field '\(field)'"
        case .invalidField(let file, let field, let found, let expected):
            "\(file): field '\(field)' is \(found), expected \(expected)"
        }
    }
}
