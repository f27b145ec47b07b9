/// A handle to a trained matrix. The numbers are in a ``ParameterVector``; layers and adapters hold handles only.
public struct Parameter: Hashable, Sendable {
    /// Unique within a vector, and the seed of everything random about it: "layer.3.query.lora_A", say.
    public let name: String
    /// Extents of the matrix; a vector is one row.
    public let rows, columns: Int

    /// A handle to a [rows, columns] matrix called `name`.
    public init(name: String, rows: Int, columns: Int) {
        (self.name, self.rows, self.columns) = (name, rows, columns)
    }

    /// rows · columns
    public var count: Int { rows * columns }
}
