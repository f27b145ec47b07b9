import Encoders

/// A module of the frozen encoder that an adapter can go to.
public enum AdaptedModule: Hashable, Sendable, Comparable {
    /// A table of embeddings.
    case table(EmbeddingTable)
    /// The map that projects embeddings to the width of the layers.
    case embeddingProjection
    /// A linear map of a layer.
    case linear(Site)

    /// From the bottom up.
    public static func < (left: AdaptedModule, right: AdaptedModule) -> Bool {
        switch (left, right) {
        case (.linear(let left), .linear(let right)): left < right
        default: left.order < right.order
        }
    }

    private var order: Int {
        switch self {
        case .table(let table): EmbeddingTable.allCases.firstIndex(of: table) ?? 0
        case .embeddingProjection: EmbeddingTable.allCases.count
        case .linear: EmbeddingTable.allCases.count + 1
        }
    }

    /// The site, of a linear map of a layer.
    public var site: Site? { if case .linear(let site) = self { site } else { nil } }

    /// The table, of one.
    public var table: EmbeddingTable? { if case .table(let table) = self { table } else { nil } }

    /// What Graft calls it: "layer.3.query", "embeddings.words".
    public var name: String {
        switch self {
        case .table(let table): "embeddings.\(table.rawValue)"
        case .embeddingProjection: FrozenTensor.projection
        case .linear(let site): site.description
        }
    }
}

extension EncoderConfig {
    /// The modules that adapters can go to, from the bottom up.
    package var adaptableModules: [AdaptedModule] {
        embeddingTables.map { .table($0) } + (projectsEmbeddings ? [.embeddingProjection] : []) + linearModules
    }

    /// The linear maps of all layers.
    package var linearModules: [AdaptedModule] {
        (0..<distinctLayers).flatMap { layer in
            projections.map { AdaptedModule.linear(Site(layer: layer, projection: $0)) }
        }
    }
}

extension CheckpointNames {
    /// The name of a module in the bare model, as PEFT sees it.
    package func module(of module: AdaptedModule) -> String {
        switch module {
        case .linear(let site): return self.module(of: site)
        case .embeddingProjection: return name(of: .projectionWeight).withoutLastPart
        case .table(let table): return name(of: .table(table)).withoutLastPart
        }
    }
}

extension String {
    /// "encoder.layer" of "encoder.layer.weight".
    fileprivate var withoutLastPart: String { String(self[..<(lastIndex(of: ".") ?? endIndex)]) }
}

extension AdapterSet {
    /// The modules that an adapter proper is on, from the bottom up: what is unfrozen of the base does not count, nor do rows of
    /// tables that train whole, which nothing targets.
    public var adaptedModules: [AdaptedModule] {
        (embeddings?.adapters.filter { !($0.value is TrainedRows) }.keys.map { AdaptedModule.table($0) } ?? []).sorted()
            + (embeddings?.projection?.proper == nil ? [] : [.embeddingProjection])
            + sites.filter { linear[$0]?.proper != nil }.map { .linear($0) }
    }
}

extension AdapterSet {
    /// What is saved for the adapter at a module, with what of the module's bias trains because of it.
    package func parameters(at module: AdaptedModule) -> [Parameter] {
        switch module {
        case .table(let table): return embeddings?.adapters[table]?.parameters ?? []
        case .embeddingProjection: return embeddings?.projection?.proper?.parameters ?? []
        case .linear(let site):
            guard let adapter = linear[site] else { return [] }
            let own = (adapter as? BiasDelta).map { $0.isOfAdapter ? [$0.bias] : [] } ?? []
            return own + (adapter.proper?.parameters ?? [])
        }
    }
}
