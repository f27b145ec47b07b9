/// All that changes a frozen encoder for one task: at most one adapter for each linear map, each block and each layer, and what
/// was added to norms and embeddings.
public struct AdapterSet: Sendable {
    /// The adapter of each adapted site.
    public private(set) var linear: [Site: any LinearAdapter]
    /// What is added to norms.
    public let norms: [NormSite: NormDelta]
    /// What is added to the tables of embeddings; nil: nothing.
    public private(set) var embeddings: EmbeddingDelta?
    /// The adapter of each adapted block.
    public let blocks: [BlockSite: any BlockAdapter]
    /// The adapter behind each adapted layer.
    public let outputs: [Int: any LayerAdapter]
    /// What stands before the keys and values of each text, by the layer's number: in all layers, or in none.
    public var prefixes: [Int: any AttentionPrefix] = [:]
    /// What stands before the tokens of each text; nil: nothing.
    public var prompt: SoftPrompt?

    /// Changes of norms and biases that are a method's own, and not what a stage unfreezes beside it.
    package var methodChanges: Set<Parameter> = []

    /// The adapters of each method, where there are several: all of this is their union, but for what a stage unfreezes besides.
    /// Empty: there is one method.
    package var parts: [MethodPart] = []

    /// The adapters of one method among others.
    package struct MethodPart: Sendable {
        /// What it is called among the parts: "1-lora".
        package let name: String
        /// Its adapters.
        package let adapters: AdapterSet

        /// The given part.
        package init(name: String, _ adapters: AdapterSet) { (self.name, self.adapters) = (name, adapters) }
    }

    /// The given adapters.
    public init(
        _ linear: [Site: any LinearAdapter], norms: [NormSite: NormDelta] = [:], embeddings: EmbeddingDelta? = nil,
        blocks: [BlockSite: any BlockAdapter] = [:], outputs: [Int: any LayerAdapter] = [:]
    ) {
        (self.linear, self.norms, self.embeddings) = (linear, norms, embeddings)
        (self.blocks, self.outputs) = (blocks, outputs)
    }

    /// The same with other adapters on linear maps, those of embeddings among them.
    package func replacing(_ linear: [Site: any LinearAdapter], embeddings: EmbeddingDelta?) -> AdapterSet {
        var changed = self
        (changed.linear, changed.embeddings) = (linear, embeddings)
        return changed
    }

    /// No adapters: the base as it is.
    public static let none = AdapterSet([:])

    /// Adapted sites, layer by layer in the order of computing.
    public var sites: [Site] { linear.keys.sorted() }

    /// Changed norms, from the bottom.
    public var normSites: [NormSite] { norms.keys.sorted() }

    /// Adapted blocks, from the bottom.
    public var blockSites: [BlockSite] { blocks.keys.sorted() }

    /// What can train: in linear maps, in the order of the sites, then in blocks, then behind layers, then in embeddings, then in
    /// norms, then in prefixes and in the prompt. What several adapters share stands where the first of them has it.
    public var parameters: [Parameter] {
        sites.flatMap { linear[$0]?.parameters ?? [] } + blockParameters
            + outputs.keys.sorted().flatMap { outputs[$0]?.parameters ?? [] } + (embeddings?.parameters ?? [])
            + normSites.flatMap { norms[$0]?.parameters ?? [] } + prefixParameters + [prompt?.rows].compactMap { $0 }
    }

    /// What can train in prefixes, from the bottom, each once.
    package var prefixParameters: [Parameter] {
        var seen: Set<Parameter> = []
        return prefixes.keys.sorted().flatMap { prefixes[$0]?.parameters ?? [] }.filter { seen.insert($0).inserted }
    }

    /// Those of blocks, each once.
    private var blockParameters: [Parameter] {
        var seen: Set<Parameter> = []
        return blockSites.flatMap { blocks[$0]?.parameters ?? [] }.filter { seen.insert($0).inserted }
    }

    /// Whether nothing is changed.
    public var isEmpty: Bool {
        linear.isEmpty && norms.isEmpty && embeddings == nil && blocks.isEmpty && outputs.isEmpty && prefixes.isEmpty
            && prompt == nil
    }

    /// How many positions of the encoder are taken before the first token of a text.
    public var virtualTokens: Int { (prompt?.count ?? 0) + (prefixes.first?.value.count ?? 0) }
}
