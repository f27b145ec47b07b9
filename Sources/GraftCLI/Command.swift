/// A command: what its line may hold, and what it does.
package struct Command: Sendable {
    /// What its line may hold.
    package let specification: CommandSpecification
    /// What it does. Errors make the program end with 1, a ``CommandLineError`` with 2.
    let run: @Sendable (OptionValues) throws -> Void

    package init(_ specification: CommandSpecification, run: @escaping @Sendable (OptionValues) throws -> Void) {
        (self.specification, self.run) = (specification, run)
    }
}
