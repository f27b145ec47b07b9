/// What can be wrong with a command line.
package enum CommandLineError: Error, Equatable {
    /// There is no such command.
    case unknownCommand(String, nearest: String?)
    /// The command has no such option.
    case unknownOption(String, nearest: String?)
    /// An option's value is missing; the word that follows it instead, if any.
    case missingValue(option: String, found: String?)
    /// An option's value cannot be read.
    case badValue(option: String, found: String, expected: String)
    /// An option that takes no value was given one.
    case valueOfFlag(String, found: String)
    /// An option stands on the line more than once.
    case givenTwice(String)
    /// An option that has to be given is not.
    case missingOption(name: String, valueName: String)
    /// The argument that has to be given is not.
    case missingArgument(String)
    /// There are more arguments than the command takes.
    case unexpectedArgument(String)
    /// Options that each are right, but not together; what to do about it.
    case conflict(String)
}

extension CommandLineError: CustomStringConvertible {
    /// One line for people.
    package var description: String {
        switch self {
        case .unknownCommand(let name, let nearest):
            "there is no command '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? "")
        case .unknownOption(let name, let nearest):
            "there is no option \(name)" + (nearest.map { "; did you mean \($0)?" } ?? "")
        case .missingValue(let option, let found):
            "a value is missing: \(option)"
                + (found.map { "; found \($0) in its place (a value that begins with a dash needs '=')" } ?? "")
        case .badValue(let option, let found, let expected): "--\(option) is '\(found)', expected \(expected)"
        case .valueOfFlag(let name, let found): "--\(name) takes no value, found '\(found)'"
        case .givenTwice(let name): "--\(name) is given more than once"
        case .missingOption(let name, let valueName): "--\(name) \(valueName) is missing"
        case .missingArgument(let valueName): "\(valueName) is missing"
        case .unexpectedArgument(let word): "there is nothing to do with '\(word)'; texts with spaces need quotes"
        case .conflict(let words): words
        }
    }
}
