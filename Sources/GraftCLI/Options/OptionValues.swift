/// A command line that was read: the value of every option, and the arguments.
package struct OptionValues: Sendable {
    /// What stands on the line besides options, in its order.
    package let arguments: [String]
    private let values: [String: any Sendable]
    private let given: Set<String>

    init(arguments: [String], values: [String: any Sendable], given: Set<String>) {
        (self.arguments, self.values, self.given) = (arguments, values, given)
    }

    /// The value of an option of the command, its default where it was not given.
    package subscript<Value>(_ option: Option<Value>) -> Value {
        guard let value = values[option.specification.name] as? Value else {
            preconditionFailure("the command does not declare --\(option.specification.name)")
        }
        return value
    }

    /// The names of all options that stand on the line, sorted.
    package var givenNames: [String] { given.sorted() }

    /// Whether the option stands on the line.
    package func isGiven<Value>(_ option: Option<Value>) -> Bool { given.contains(option.specification.name) }
}
