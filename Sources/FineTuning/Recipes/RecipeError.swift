import Files

/// What is wrong with a recipe, and where in it.
public struct RecipeError: Error, Sendable, Equatable {
    /// The file as it was named; nil for a recipe that came from a command line.
    public let file: String?
    /// The line, from 1; nil where the file as a whole is wrong.
    public let line: Int?
    /// Where in the recipe, as in `tasks.topics.head.shape`; empty for the recipe as a whole.
    public let path: String
    /// What is wrong.
    public let problem: Problem

    /// What can be wrong.
    public enum Problem: Error, Sendable, Equatable {
        /// The file cannot be read.
        case unreadable(FilesError)
        /// The bytes are not UTF-8.
        case notUTF8
        /// The text is not JSON.
        case notJSON(column: Int, found: String, expected: String)
        /// A name stands twice in an object.
        case nameTwice(String)
        /// There is no such field.
        case unknownField(String, known: [String], nearest: String?)
        /// A field has to be there and is not.
        case missingField(String)
        /// A value is of another kind, or out of range.
        case invalid(found: String, expected: String)
        /// A name that means nothing here.
        case unknownName(String, of: String, known: [String], nearest: String?)
        /// A file or folder is not there.
        case noSuchFile(String)
        /// Values that each are right, but not together; what to do about it.
        case conflict(String)
    }

    init(_ file: String?, line: Int? = nil, at path: String = "", _ problem: Problem) {
        (self.file, self.line, self.path, self.problem) = (file, line, path, problem)
    }
}

extension RecipeError: CustomStringConvertible {
    /// One line for people: `recipe.json:12: tasks.topics.weight is -1, expected …`.
    public var description: String {
        let place = file.map { $0 + (line.map { ":\($0)" } ?? "") + ": " } ?? ""
        let subject = path.isEmpty ? "the recipe" : path
        switch problem {
        case .unreadable(let error): return error.description
        case .notUTF8: return place + "the text is not UTF-8; save it as UTF-8"
        case .notJSON(let column, let found, let expected):
            return place + "column \(column): this is not JSON: found \(found), expected \(expected)"
        case .nameTwice(let name): return place + "the name '\(name)' stands twice; leave one of the two out"
        case .unknownField(let name, let known, let nearest):
            return place + "\(subject) has no field '\(name)'"
                + (nearest.map { " (did you mean '\($0)'?)" } ?? "; it has \(known.joined(separator: ", "))")
        case .missingField(let name): return place + "\(subject) has no '\(name)', which has to be there"
        case .invalid(let found, let expected): return place + "\(subject) is \(found), expected \(expected)"
        case .unknownName(let name, let kind, let known, let nearest):
            return place + "\(subject): there is no \(kind) '\(name)'"
                + (nearest.map { " (did you mean '\($0)'?)" }
                    ?? (known.isEmpty ? "; there is none" : "; there is \(known.joined(separator: ", "))"))
        case .noSuchFile(let name): return place + "\(subject): there is no \(name)"
        case .conflict(let words): return place + (path.isEmpty ? "" : "\(path): ") + words
        }
    }
}
