import Files
import Foundation

/// What `config.json` of a model folder says about the encoder.
public struct EncoderConfig: Sendable, Equatable {
    /// The architecture, by its `model_type`.
    public let family: EncoderFamily
    /// Width of the hidden states (`hidden_size`).
    public let hiddenSize: Int
    /// Number of layers (`num_hidden_layers`).
    public let layers: Int
    /// Number of attention heads (`num_attention_heads`).
    public let heads: Int
    /// Width inside the feed-forward block (`intermediate_size`).
    public let intermediateSize: Int
    /// Number of word embeddings (`vocab_size`).
    public let vocabularySize: Int
    /// The longest text in tokens, special tokens included (`max_position_embeddings`).
    public let maximumPositions: Int
    /// Number of segment embeddings (`type_vocab_size`).
    public let segments: Int
    /// ε of every layer norm (`layer_norm_eps`).
    public let layerNormEpsilon: Float
    /// Whether gelu is the tanh approximation (`hidden_act` `gelu_new` or `gelu_pytorch_tanh`) and not the exact `gelu`.
    public let usesTanhGelu: Bool
    /// Dropout of hidden states in training (`hidden_dropout_prob`).
    public let hiddenDropout: Float
    /// Dropout of attention probabilities in training (`attention_probs_dropout_prob`).
    public let attentionDropout: Float

    /// Reads `config.json` of a model folder.
    ///
    /// - Throws: ``EncoderError`` naming the file, the field, what was found and what is accepted.
    public init(contentsOf folder: URL) throws(EncoderError) {
        do {
            try self.init(JSONFields(contentsOf: folder.appending(path: "config.json")))
        } catch { throw .configuration(error) }
    }

    private init(_ fields: JSONFields) throws(JSONFieldsError) {
        family = try fields.choice("model_type", of: EncoderFamily.allCases.map { ($0.rawValue, $0) })
        hiddenSize = try fields.positive("hidden_size")
        layers = try fields.positive("num_hidden_layers")
        heads = try fields.positive("num_attention_heads")
        intermediateSize = try fields.positive("intermediate_size")
        vocabularySize = try fields.positive("vocab_size")
        maximumPositions = try fields.positive("max_position_embeddings")
        segments = try fields.positive("type_vocab_size", default: 2)
        layerNormEpsilon = try fields.number("layer_norm_eps", default: 1e-12, in: 0...1)
        usesTanhGelu = try fields.choice(
            "hidden_act", default: "gelu", of: [("gelu", false), ("gelu_new", true), ("gelu_pytorch_tanh", true)])
        hiddenDropout = try fields.number("hidden_dropout_prob", default: 0.1, in: 0...0.99)
        attentionDropout = try fields.number("attention_probs_dropout_prob", default: 0.1, in: 0...0.99)
        _ = try fields.choice("position_embedding_type", default: "absolute", of: [("absolute", ())])
        _ = try fields.choice("is_decoder", default: "false", of: [("false", ())])
        guard hiddenSize % heads == 0 else {
            throw .invalidField(
                file: fields.file, field: "num_attention_heads", found: "\(heads)",
                expected: "a divisor of hidden_size \(hiddenSize)")
        }
    }
}

/// An architecture that Graft runs. Its raw value is `model_type` in `config.json`.
public enum EncoderFamily: String, Sendable, CaseIterable {
    /// BERT (Devlin et al. 2018), and MiniLM and others that are BERT in shape.
    case bert
}
