import Files

extension EncoderFamily {
    /// ModernBERT (Warner et al. 2024): norms before blocks, rotary positions, a gated feed-forward block, query, key and
    /// value in one map, and two of three layers that attend nearby only.
    public static let modernBert: Self = Self(
        modelType: "modernbert", adapterTargets: [.queryKeyValue],
        config: { fields throws(JSONFieldsError) in
            var config = EncoderConfig(
                family: .modernBert, hiddenSize: try fields.positive("hidden_size"),
                layers: try fields.positive("num_hidden_layers"), heads: try fields.positive("num_attention_heads"),
                intermediateSize: try fields.positive("intermediate_size"),
                vocabularySize: try fields.positive("vocab_size"),
                maximumPositions: try fields.positive("max_position_embeddings", default: 8192))
            try config.checkHeads(fields, "num_attention_heads", "hidden_size")
            config.isPreNorm = true
            config.normsFirstLayer = false
            config.normEpsilon = try fields.number("norm_eps", default: 1e-5, in: 0...1)
            config.normHasBias = try fields.flag("norm_bias", default: false)
            config.isAttentionFused = true
            config.attentionHasBias = try fields.flag("attention_bias", default: false)
            config.feedForward = .gatedInOne
            config.feedForwardHasBias = try fields.flag("mlp_bias", default: false)
            config.activation = try fields.activation("hidden_activation", default: "gelu")
            try config.setModernPositions(fields)
            config.embeddingDropout = try fields.number("embedding_dropout", default: 0, in: 0...0.99)
            config.attentionDropout = try fields.number("attention_dropout", default: 0, in: 0...0.99)
            config.attentionOutputDropout = config.attentionDropout
            config.activationDropout = try fields.number("mlp_dropout", default: 0, in: 0...0.99)
            return config
        },
        names: { _ in
            CheckpointNames(
                taskPrefix: "model.", wordEmbeddings: "embeddings.tok_embeddings.weight",
                embeddingNorm: "embeddings.norm", layer: { "layers.\($0)" },
                modules: [
                    .queryKeyValue: "attn.Wqkv", .attentionOutput: "attn.Wo", .intermediate: "mlp.Wi",
                    .output: "mlp.Wo",
                ],
                attentionNorm: "attn_norm", outputNorm: "mlp_norm", finalNorm: "final_norm")
        })
}

extension EncoderConfig {
    /// Rotary positions, and which layers attend nearby only, as transformers 4 writes them.
    fileprivate mutating func setModernPositions(_ fields: JSONFields) throws(JSONFieldsError) {
        for name in ["rope_scaling", "rope_parameters", "layer_types"] {
            if let value = fields.value(name) {
                throw fields.invalid(
                    name, value, "nothing, with global_rope_theta, local_rope_theta and global_attn_every_n_layers")
            }
        }
        try fields.check("hidden_size", hiddenSize, "an even width for each head", headWidth % 2 == 0)
        let base = try fields.number("global_rope_theta", default: 160_000, in: 1...1e9)
        // Null stands for the global base; a config that does not mention it has transformers' default.
        let isMentioned = fields.names.contains("local_rope_theta")
        let localBase = try fields.number("local_rope_theta", default: isMentioned ? base : 10_000, in: 1...1e9)
        rotary = Rotary(base: base, localBase: localBase)
        localAttention = LocalAttention(
            reach: try fields.positive("local_attention", default: 128) / 2,
            period: try fields.positive("global_attn_every_n_layers", default: 3))
    }
}
