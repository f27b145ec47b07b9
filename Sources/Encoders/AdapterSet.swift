/// All that changes a frozen encoder for one task: at most one adapter for each linear map, and what was added to norms and
/// embeddings.
public struct AdapterSet: Sendable {
    /// The adapter of each adapted site.
    public let linear: [Site: any LinearAdapter]
    /// What is added to norms.
    public let norms: [NormSite: NormDelta]
    /// What is added to the tables of embeddings; nil: nothing.
    public let embeddings: EmbeddingDelta?
    /// What stands before the keys and values of each text, by the layer's number: in all layers, or in none.
    public var prefixes: [Int: any AttentionPrefix] = [:]
    /// What stands before the tokens of each text; nil: nothing.
    public var prompt: SoftPrompt?

    /// The given adapters.
    public init(
        _ linear: [Site: any LinearAdapter], norms: [NormSite: NormDelta] = [:], embeddings: EmbeddingDelta? = nil
    ) {
        (self.linear, self.norms, self.embeddings) = (linear, norms, embeddings)
    }

    /// No adapters: the base as it is.
    public static let none = AdapterSet([:])

    /// Adapted sites, layer by layer in the order of computing.
    public var sites: [Site] { linear.keys.sorted() }

    /// Changed norms, from the bottom.
    public var normSites: [NormSite] { norms.keys.sorted() }

    /// What can train: in linear maps, in the order of the sites, then in embeddings, then in norms, then in prefixes and in the
    /// prompt.
    public var parameters: [Parameter] {
        sites.flatMap { linear[$0]?.parameters ?? [] } + (embeddings?.parameters ?? [])
            + normSites.flatMap { norms[$0]?.parameters ?? [] } + prefixParameters + [prompt?.rows].compactMap { $0 }
    }

    /// What can train in prefixes, from the bottom, each once.
    package var prefixParameters: [Parameter] {
        var seen: Set<Parameter> = []
        return prefixes.keys.sorted().flatMap { prefixes[$0]?.parameters ?? [] }.filter { seen.insert($0).inserted }
    }

    /// Whether nothing is changed.
    public var isEmpty: Bool {
        linear.isEmpty && norms.isEmpty && embeddings == nil && prefixes.isEmpty && prompt == nil
    }

    /// How many positions of the encoder are taken before the first token of a text.
    public var virtualTokens: Int { (prompt?.count ?? 0) + (prefixes.first?.value.count ?? 0) }
}
