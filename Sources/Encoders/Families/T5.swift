import Files
import Matrices

extension EncoderFamily {
    /// The encoder of T5 (Raffel et al. 2020), of both versions: norms without mean or bias before blocks, a bias for the
    /// distance of tokens instead of positions, maps without bias. The decoder of a checkpoint is not read.
    public static let t5: Self = Self(
        modelType: "t5", adapterTargets: [.query, .value],
        config: { fields throws(JSONFieldsError) in
            var config = EncoderConfig(
                family: .t5, hiddenSize: try fields.positive("d_model"), layers: try fields.positive("num_layers"),
                heads: try fields.positive("num_heads"), intermediateSize: try fields.positive("d_ff"),
                vocabularySize: try fields.positive("vocab_size"),
                maximumPositions: try fields.positive("n_positions", default: 512))
            config.headWidth = try fields.positive("d_kv")
            config.isPreNorm = true
            config.normKind = .rms
            config.normHasBias = false
            config.normEpsilon = try fields.number("layer_norm_epsilon", default: 1e-6, in: 0...1)
            (config.attentionHasBias, config.feedForwardHasBias) = (false, false)
            (config.feedForward, config.activation) = try fields.choice(
                "feed_forward_proj", default: "relu",
                of: [
                    ("relu", (.plain, .relu)), ("gelu", (.plain, .gelu)), ("gelu_new", (.plain, .geluTanh)),
                    // transformers takes the approximation for this name alone.
                    ("gated-gelu", (.gated, .geluTanh)), ("gated-relu", (.gated, .relu)),
                    ("gated-silu", (.gated, .silu)),
                ] as [(String, (EncoderConfig.FeedForwardShape, ActivationKind))])
            let buckets = try fields.positive("relative_attention_num_buckets", default: 32)
            try fields.check("relative_attention_num_buckets", buckets, "a multiple of 4", buckets % 4 == 0)
            let distance = try fields.positive("relative_attention_max_distance", default: 128)
            try fields.check(
                "relative_attention_max_distance", distance, "more than \(buckets / 4), a quarter of the buckets",
                distance > buckets / 4)
            config.relativeBias = EncoderConfig.RelativeBias(buckets: buckets, maximumDistance: distance)
            config.attentionScale = 1
            config.hiddenDropout = try fields.number("dropout_rate", default: 0.1, in: 0...0.99)
            (config.attentionDropout, config.activationDropout) = (config.hiddenDropout, config.hiddenDropout)
            config.finalDropout = config.hiddenDropout
            return config
        },
        names: { config in
            var modules: [Projection: String] = [
                .query: "layer.0.SelfAttention.q", .key: "layer.0.SelfAttention.k",
                .value: "layer.0.SelfAttention.v", .attentionOutput: "layer.0.SelfAttention.o",
                .intermediate: "layer.1.DenseReluDense.wi", .output: "layer.1.DenseReluDense.wo",
            ]
            if config.feedForward == .gated {
                modules[.gate] = "layer.1.DenseReluDense.wi_0"
                modules[.intermediate] = "layer.1.DenseReluDense.wi_1"
            }
            var names = CheckpointNames(
                taskPrefix: "transformer.", wordEmbeddings: "shared.weight", embeddingNorm: nil,
                layer: { "encoder.block.\($0)" }, modules: modules, attentionNorm: "layer.0.layer_norm",
                outputNorm: "layer.1.layer_norm", finalNorm: "encoder.final_layer_norm")
            names.adapterHubBlocks = ("layer.0", "layer.1")
            names.relativeBias = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
            // Some checkpoints of the encoder alone have the table once, under its other name.
            names.formerEndings = [("shared.weight", "encoder.embed_tokens.weight")]
            return names
        })
}
