/// An option as help and the reader see it.
package struct OptionSpecification: Sendable {
    /// Its name without the dashes.
    package let name: String
    /// What stands for its value in help; nil: it takes none.
    package let valueName: String?
    /// What it is for.
    package let help: String
    /// The value that holds where it is not given, as text.
    package let defaultText: String?
    /// Whether the command does nothing without it.
    package let isRequired: Bool
    /// Whether it may be given more than once.
    package let isRepeatable: Bool
    /// The value of all texts that were given to it, in their order; of a flag, an empty text each time.
    let read: @Sendable ([String]) throws(CommandLineError) -> any Sendable

    init(
        name: String, valueName: String?, help: String, defaultText: String? = nil, isRequired: Bool = false,
        isRepeatable: Bool = false, read: @escaping @Sendable ([String]) throws(CommandLineError) -> any Sendable
    ) {
        (self.name, self.valueName, self.help, self.defaultText) = (name, valueName, help, defaultText)
        (self.isRequired, self.isRepeatable, self.read) = (isRequired, isRepeatable, read)
    }

    /// "--rank N", as usage lines and help write it.
    var usage: String { "--\(name)" + (valueName.map { " \($0)" } ?? "") }
}
