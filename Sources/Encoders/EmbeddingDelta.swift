/// What is added to the frozen tables of embeddings. It starts at zero, and rows that no token reads stay so.
public struct EmbeddingDelta: Sendable {
    /// What is added to each table, of the table's extents.
    public let tables: [EmbeddingTable: Parameter]
    /// On the map that projects embeddings to the width of the layers, where there is one.
    public let projection: (any LinearAdapter)?

    /// The given parts.
    public init(tables: [EmbeddingTable: Parameter], projection: (any LinearAdapter)? = nil) {
        (self.tables, self.projection) = (tables, projection)
    }

    /// What can train: words, positions, segments, then the projection.
    public var parameters: [Parameter] {
        EmbeddingTable.allCases.compactMap { tables[$0] } + (projection?.parameters ?? [])
    }
}

/// A table of embeddings. No family lacks words, some lack the others.
public enum EmbeddingTable: String, Sendable, Hashable, CaseIterable {
    case words, positions, segments
}
