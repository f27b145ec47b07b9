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

    /// Every layer and the embeddings: fine-tuning in full, but for relative positions.
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
    /// - Throws: ``AdapterError/noSuchLayer(_:layers:)``, or ``AdapterError/nothingToUnfreeze(_:family:)`` where biases are asked
    ///   for and the encoder has none.
    public func deltas(
        for encoder: TransformerEncoder, over adapters: AdapterSet = .none
    ) throws(AdapterError) -> AdapterSet {
        if !isEmpty, !adapters.hasRoomForUnfrozen {
            throw .notInAdapterHub(method: "adapters of blocks and layers")
        }
        let config = encoder.config
        for layer in layers.sorted() where !(0..<config.distinctLayers).contains(layer) {
            throw .noSuchLayer(layer, layers: config.distinctLayers)
        }
        if biases, !config.tensors.contains(where: \.isBias) {
            throw .nothingToUnfreeze("biases", family: config.family.modelType)
        }
        return adapters.changing(Set(config.tensors.filter(unfreezes)), of: config)
    }

    private func unfreezes(_ tensor: FrozenTensor) -> Bool {
        if biases && tensor.isBias { return true }
        return switch tensor {
        case .weight(let site), .bias(let site): layers.contains(site.layer)
        case .normScale(let site), .normShift(let site): norms || (site.layer.map(layers.contains) ?? embeddings)
        case .table, .projectionWeight, .projectionBias: embeddings
        }
    }
}
