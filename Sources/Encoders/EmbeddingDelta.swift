/// What changes the frozen tables of embeddings. What is added starts at zero, and rows that no token reads stay so.
public struct EmbeddingDelta: Sendable {
    /// What is added to each table, of the table's extents.
    public let tables: [EmbeddingTable: Parameter]
    /// On the map that projects embeddings to the width of the layers, where there is one.
    public let projection: (any LinearAdapter)?
    /// What else changes the rows that are read from a table, after what is added.
    public let adapters: [EmbeddingTable: any TableAdapter]

    /// The given parts.
    public init(
        tables: [EmbeddingTable: Parameter], projection: (any LinearAdapter)? = nil,
        adapters: [EmbeddingTable: any TableAdapter] = [:]
    ) {
        (self.tables, self.projection, self.adapters) = (tables, projection, adapters)
    }

    /// What can train: words, positions, segments, then the projection, then the tables' adapters.
    public var parameters: [Parameter] {
        EmbeddingTable.allCases.compactMap { tables[$0] } + (projection?.parameters ?? [])
            + EmbeddingTable.allCases.flatMap { adapters[$0]?.parameters ?? [] }
    }
}

/// A table of embeddings. No family lacks words, some lack the others.
public enum EmbeddingTable: String, Sendable, Hashable, CaseIterable {
    case words, positions, segments
}
