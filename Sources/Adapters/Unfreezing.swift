import Encoders

/// Parts of the frozen encoder that train after all, beside adapters or without them.
///
/// The base keeps its bytes: what trains is a change, starting at zero, of full rank where it is a weight. Tables of relative
/// positions (T5, MPNet), and DeBERTa's relative embeddings with the maps that are theirs alone, stay frozen.
public struct Unfreezing: Sendable, Equatable {
    /// Layers that train whole, from 0: weights and biases of all linear maps, and norms; with the last one the norm behind it.
    /// Where layers share weights (ALBERT), the numbers are those of the weights, and every use of them changes.
    public var layers: Set<Int>
    /// The tables of words, positions and segments, their norm, and the map that projects them, where there is one.
    public var embeddings: Bool
    /// Every norm.
    public var norms: Bool
    /// Every bias, of linear maps and of norms (BitFit: Ben Zaken et al. 2021).
    public var biases: Bool

    /// Nothing, unless said otherwise.
    public init(layers: Set<Int> = [], embeddings: Bool = false, norms: Bool = false, biases: Bool = false) {
        (self.layers, self.embeddings, self.norms, self.biases) = (layers, embeddings, norms, biases)
    }

    /// Every layer, with the embeddings: fine-tuning in full.
    public static func everything(of config: EncoderConfig) -> Unfreezing {
        Unfreezing(layers: Set(0..<config.distinctLayers), embeddings: true)
    }

    /// Whether nothing is unfrozen.
    public var isEmpty: Bool { layers.isEmpty && !embeddings && !norms && !biases }

    /// `adapters`, and what unfreezes these parts of `encoder`. An adapter that a linear map has already goes on working, and
    /// training, on the changed map; what is unfrozen already stays so.
    ///
    /// All new parameters start at zero, so nothing changes yet.
    ///
    /// - Throws: ``AdapterError/noSuchLayer(_:layers:)``, or ``AdapterError/nothingToUnfreeze(_:family:)`` where biases or norms
    ///   are asked for that the encoder's family does not have.
    public func deltas(
        for encoder: TransformerEncoder, over adapters: AdapterSet = .none
    ) throws(AdapterError) -> AdapterSet {
        let config = encoder.config
        for layer in layers.sorted() where !(0..<config.distinctLayers).contains(layer) {
            throw .noSuchLayer(layer, layers: config.distinctLayers)
        }
        var linear = adapters.linear
        for layer in 0..<config.distinctLayers {
            for projection in config.projections {
                let site = Site(layer: layer, projection: projection)
                linear[site] = delta(
                    site.description, config.extents(of: projection) ?? (0, 0), isWhole: layers.contains(layer),
                    hasBias: config.hasBias(projection), over: linear[site])
            }
        }
        var norms = adapters.norms
        for site in config.normSites {
            let isWhole = self.norms || (site.layer.map(layers.contains) ?? embeddings)
            let width = config.extents(of: .normScale(site)).columns
            func parameter(_ ending: String) -> Parameter {
                Parameter(name: "\(site).\(ending)", rows: 1, columns: width)
            }
            let scale = norms[site]?.scale ?? (isWhole ? parameter("weight") : nil)
            let trainsShift = config.normHasBias && (isWhole || biases)
            let shift = norms[site]?.shift ?? (trainsShift ? parameter("bias") : nil)
            if scale != nil || shift != nil { norms[site] = NormDelta(scale: scale, shift: shift) }
        }
        let set = AdapterSet(linear, norms: norms, embeddings: embeddingDelta(config, over: adapters.embeddings))
        if biases, !config.tensors.contains(where: \.isBias) {
            throw .nothingToUnfreeze("biases", family: config.family.modelType)
        }
        return set
    }

    private func embeddingDelta(_ config: EncoderConfig, over delta: EmbeddingDelta?) -> EmbeddingDelta? {
        var tables = delta?.tables ?? [:]
        if embeddings {
            for table in config.embeddingTables where tables[table] == nil {
                let (rows, columns) = config.extents(of: .table(table))
                tables[table] = Parameter(name: "embeddings.\(table.rawValue)", rows: rows, columns: columns)
            }
        }
        var projection = delta?.projection
        if config.projectsEmbeddings {
            projection = self.delta(
                "embeddings.projection", (config.embeddingSize, config.hiddenSize), isWhole: embeddings, hasBias: true,
                over: projection)
        }
        return tables.isEmpty && projection == nil ? nil : EmbeddingDelta(tables: tables, projection: projection)
    }

    /// The adapter of a linear map of which this unfreezes all, the bias or nothing.
    private func delta(
        _ name: String, _ extents: (inputs: Int, outputs: Int), isWhole: Bool, hasBias: Bool,
        over adapter: (any LinearAdapter)?
    ) -> (any LinearAdapter)? {
        if adapter is WeightDelta { return adapter }
        let unfrozen = adapter as? BiasDelta
        if isWhole {
            return WeightDelta(
                name: name, inputs: extents.inputs, outputs: extents.outputs, hasBias: hasBias,
                over: unfrozen.map(\.inner) ?? adapter)
        }
        guard biases, hasBias, unfrozen == nil else { return adapter }
        return BiasDelta(name: name, outputs: extents.outputs, over: adapter)
    }
}

extension FrozenTensor {
    /// Whether it is added to each row of something.
    fileprivate var isBias: Bool {
        switch self {
        case .bias, .normShift, .projectionBias: true
        default: false
        }
    }
}
