/// A command as data: what help says of it, and what its command line may hold.
package struct CommandSpecification: Sendable {
    /// The word after `graft`.
    package let name: String
    /// What it does, in a line.
    package let summary: String
    /// What else there is to know: paragraphs, each wrapped to the width of help.
    let discussion: [String]
    /// What stands on the line besides options.
    let argument: Argument?
    /// The options, under headings.
    let groups: [Group]
    /// What no single option can check; throws ``CommandLineError/conflict(_:)``.
    let check: @Sendable (OptionValues) throws(CommandLineError) -> Void

    /// What stands on the line besides options.
    package struct Argument: Sendable {
        /// What stands for it in help.
        let valueName, help: String
        let count: Count

        package init(valueName: String, help: String, count: Count) {
            (self.valueName, self.help, self.count) = (valueName, help, count)
        }

        /// How many there are.
        package enum Count: Sendable { case one, any }
    }

    /// Options under a heading.
    package struct Group: Sendable {
        let title: String
        let options: [OptionSpecification]

        package init(_ title: String, _ options: [OptionSpecification]) {
            (self.title, self.options) = (title, options)
        }
    }

    package init(
        name: String, summary: String, discussion: [String] = [], argument: Argument? = nil, groups: [Group],
        check: @escaping @Sendable (OptionValues) throws(CommandLineError) -> Void = { _ in }
    ) {
        (self.name, self.summary, self.discussion) = (name, summary, discussion)
        (self.argument, self.groups, self.check) = (argument, groups, check)
        let names = groups.flatMap { $0.options.map(\.name) }
        precondition(Set(names).count == names.count, "two options of \(name) have the same name")
    }

    /// All options of all groups.
    package var options: [OptionSpecification] { groups.flatMap(\.options) }
}
