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
            config.blockWiring = .blockInput
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
            var names = CheckpointNames(
                taskPrefix: "model.", wordEmbeddings: "embeddings.tok_embeddings.weight",
                embeddingNorm: "embeddings.norm", layer: { "layers.\($0)" },
                modules: [
                    .queryKeyValue: "attn.Wqkv", .attentionOutput: "attn.Wo", .intermediate: "mlp.Wi",
                    .output: "mlp.Wo",
                ],
                attentionNorm: "attn_norm", outputNorm: "mlp_norm", finalNorm: "final_norm")
            names.adapterHubBlocks = ("attention_adapters", "output_adapters")
            return names
        })
}

extension EncoderConfig {
    /// Which layers attend to near tokens alone, and by what queries and keys are turned in these and in the others.
    fileprivate mutating func setModernPositions(_ fields: JSONFields) throws(JSONFieldsError) {
        try fields.check("num_attention_heads", heads, "heads of an even width", headWidth % 2 == 0)
        localAttention = LocalAttention(
            reach: try fields.positive("local_attention", default: 128) / 2, period: try globalPeriod(fields))
        try fields.checkRotation("rope_scaling", fields.value("rope_scaling"))
        let base = try fields.number("global_rope_theta", default: 160_000, in: 1...1e12)
        // null says that local layers have the base of the others.
        let isNull = fields.names.contains("local_rope_theta") && fields.value("local_rope_theta") == nil
        let localBase = try fields.number("local_rope_theta", default: isNull ? base : 10_000, in: 1...1e12)
        rotary = Rotary(
            base: try fields.rotationBase("full_attention", default: base),
            localBase: try fields.rotationBase("sliding_attention", default: localBase))
    }

    /// Every how many layers one attends to all tokens. Newer configs have a list of the layers' kinds instead.
    private func globalPeriod(_ fields: JSONFields) throws(JSONFieldsError) -> Int {
        let kinds = try fields.names("layer_types")
        guard !kinds.isEmpty else { return try fields.positive("global_attn_every_n_layers", default: 3) }
        let period = kinds.dropFirst().firstIndex(of: "full_attention") ?? layers
        let expected = (0..<layers).map { $0 % period == 0 ? "full_attention" : "sliding_attention" }
        try fields.check(
            "layer_types", kinds,
            "full_attention in the first and every n-th of \(layers) layers, else "
                + "sliding_attention", kinds == expected)
        return period
    }
}

extension JSONFields {
    /// The base of the rotation that `rope_parameters` of newer configs has for one kind of layers.
    fileprivate func rotationBase(_ kind: String, default fallback: Float) throws(JSONFieldsError) -> Float {
        let field = "rope_parameters"
        guard let found = value(field) else { return fallback }
        guard let parameters = (found as? [String: Any])?[kind] as? [String: Any],
            let base = parameters["rope_theta"] as? Double
        else { throw invalid(field, found, "rope_theta of full_attention and of sliding_attention") }
        try checkRotation(field, parameters)
        return Float(base)
    }

    /// Refuses rotations that stretch positions.
    fileprivate func checkRotation(_ field: String, _ found: Any?) throws(JSONFieldsError) {
        guard let found else { return }
        let kinds = found as? [String: Any]
        let kind = (kinds?["rope_type"] ?? kinds?["type"]) as? String
        try check(field, found, "null, or one of rope_type default", kind == "default")
    }
}
