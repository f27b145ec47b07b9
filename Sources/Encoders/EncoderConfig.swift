import Files
import Foundation
import Matrices

/// What `config.json` of a model folder says about the encoder, in terms that all families share.
public struct EncoderConfig: Sendable, Equatable {
    /// The architecture.
    public let family: EncoderFamily
    /// Width of the hidden states.
    public let hiddenSize: Int
    /// Number of layers that run one after the other.
    public let layers: Int
    /// Number of attention heads.
    public let heads: Int
    /// Width of queries, keys and values of one head.
    public internal(set) var headWidth: Int
    /// Width inside the feed-forward block.
    public let intermediateSize: Int
    /// Number of word embeddings.
    public let vocabularySize: Int
    /// The longest text in tokens, special tokens included.
    public internal(set) var maximumPositions: Int

    /// Number of layers that have weights of their own: as many as ``layers``, unless they share them. Adapters go to these.
    public internal(set) var distinctLayers: Int
    /// Width of the embeddings, before they are projected to ``hiddenSize`` if that is another.
    public internal(set) var embeddingSize: Int
    /// Number of segment embeddings; 0: there are none.
    public internal(set) var segments = 0
    /// The row of that table which belongs to the first token.
    public internal(set) var firstPosition = 0

    /// A token that takes no position of its own, but the row of that table which has its number.
    var paddingToken: Int?
    /// What the distance between tokens is to attention, where that is more than the embeddings say.
    var relativeBias: RelativeBias?
    var rotary: Rotary?
    var disentangled: Disentangled?
    var localAttention: LocalAttention?
    /// What scores are multiplied by; nil: 1/√headWidth.
    var attentionScale: Float?

    /// Whether norms come before attention and the feed-forward block, and not behind their residual sums.
    public internal(set) var isPreNorm = false
    /// Whether the first layer has a norm before attention too, in pre-norm encoders.
    var normsFirstLayer = true
    /// What adapters of blocks read.
    var blockWiring = BlockWiring.stream
    /// How norms bring rows to one size.
    var normKind = NormKind.layer
    /// Whether norms have a bias.
    public internal(set) var normHasBias = true
    /// ε of every norm.
    public internal(set) var normEpsilon: Float = 1e-12

    /// Whether query, key and value are one linear map.
    public internal(set) var isAttentionFused = false
    /// Whether the feed-forward block multiplies its activation with a second map of its input.
    public internal(set) var feedForward = FeedForwardShape.plain
    /// Between the maps of the feed-forward block.
    public internal(set) var activation = ActivationKind.gelu
    /// Whether the linear maps of attention, and those of the feed-forward block, have a bias.
    public internal(set) var (attentionHasBias, feedForwardHasBias) = (true, true)

    /// Dropout of hidden states in training.
    public internal(set) var hiddenDropout: Float = 0
    /// Dropout of attention probabilities in training.
    public internal(set) var attentionDropout: Float = 0
    /// Dropout of the embeddings, of what attention gives and of what the feed-forward block gives, where it is not
    /// ``hiddenDropout``.
    var embeddingDropout, attentionOutputDropout, outputDropout: Float?
    /// Dropout inside the feed-forward block, behind the activation, and behind the last norm of a pre-norm encoder.
    var (activationDropout, finalDropout): (Float, Float) = (0, 0)

    /// How the feed-forward block expands a row.
    public enum FeedForwardShape: Sendable, Equatable {
        /// activation(intermediate(x))
        case plain
        /// activation(gate(x)) ⊙ intermediate(x)
        case gated
        /// The same, both maps in one: activation of its first half, times its second.
        case gatedInOne
    }

    /// The values that every family has; the others are set where a family differs from BERT.
    init(
        family: EncoderFamily, hiddenSize: Int, layers: Int, heads: Int, intermediateSize: Int, vocabularySize: Int,
        maximumPositions: Int
    ) {
        (self.family, self.hiddenSize, self.layers, self.heads) = (family, hiddenSize, layers, heads)
        (self.intermediateSize, self.vocabularySize) = (intermediateSize, vocabularySize)
        self.maximumPositions = maximumPositions
        (headWidth, distinctLayers, embeddingSize) = (hiddenSize / heads, layers, hiddenSize)
    }

    /// Reads `config.json` of a model folder.
    ///
    /// - Throws: ``EncoderError`` naming the file, the field, what was found and what is accepted.
    public init(contentsOf folder: URL) throws(EncoderError) {
        do {
            let fields = try JSONFields(contentsOf: folder.appending(path: "config.json"))
            let family = try fields.choice("model_type", of: EncoderFamily.all.map { ($0.modelType, $0) })
            self = try family.config(fields)
        } catch { throw .configuration(error) }
    }
}

// MARK: Linear maps

extension EncoderConfig {
    /// The linear maps of a layer, in the order of computing.
    public var projections: [Projection] { Projection.allCases.filter { extents(of: $0) != nil } }

    /// Inputs and outputs of a linear map; nil if this encoder's layers have no such map.
    public func extents(of projection: Projection) -> (inputs: Int, outputs: Int)? {
        let attention = heads * headWidth
        switch projection {
        case .query, .key, .value: return isAttentionFused ? nil : (hiddenSize, attention)
        case .queryKeyValue: return isAttentionFused ? (hiddenSize, 3 * attention) : nil
        case .attentionOutput: return (attention, hiddenSize)
        case .gate: return feedForward == .gated ? (hiddenSize, intermediateSize) : nil
        case .intermediate:
            return (hiddenSize, feedForward == .gatedInOne ? 2 * intermediateSize : intermediateSize)
        case .output: return (intermediateSize, hiddenSize)
        }
    }

    /// Which of the ``distinctLayers`` gives the layer that runs at `index` its weights.
    func distinctLayer(of index: Int) -> Int { index * distinctLayers / layers }

    /// Whether adapters of a block take what that reads for the residual, and leave the sum to the encoder.
    package var adaptersReadBlockInput: Bool { blockWiring == .blockInput }

    /// What checkpoints of this encoder call things.
    package var names: CheckpointNames { family.names(self) }
}

// MARK: Reading

extension EncoderConfig {
    /// Heads of attention share the width evenly, unless a family says their width.
    func checkHeads(_ fields: JSONFields, _ heads: String, _ width: String) throws(JSONFieldsError) {
        try fields.check(heads, self.heads, "a divisor of \(width) \(hiddenSize)", hiddenSize % self.heads == 0)
    }
}

extension JSONFields {
    /// An activation by the name that transformers gives it.
    func activation(_ name: String, default fallback: String) throws(JSONFieldsError) -> ActivationKind {
        try choice(
            name, default: fallback,
            of: [
                ("gelu", .gelu), ("gelu_python", .gelu), ("gelu_new", .geluTanh), ("gelu_pytorch_tanh", .geluTanh),
                ("gelu_fast", .geluTanh), ("relu", .relu), ("silu", .silu), ("swish", .silu),
            ])
    }

    /// Refuses a field that changes what is computed in a way that Graft does not support.
    func refuse(_ name: String, but supported: String) throws(JSONFieldsError) {
        _ = try choice(name, default: supported, of: [(supported, ())])
    }

    /// The same for a field that is on or off.
    func refuse(_ name: String, but supported: Bool) throws(JSONFieldsError) {
        let found = try flag(name, default: supported)
        try check(name, found, "\(supported)", found == supported)
    }
}
