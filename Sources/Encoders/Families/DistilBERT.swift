import Files

extension EncoderFamily {
    /// DistilBERT (Sanh et al. 2019): half of BERT's layers, without segments, under names of its own.
    public static let distilbert: Self = Self(
        modelType: "distilbert", adapterTargets: [.query, .value],
        config: { fields throws(JSONFieldsError) in
            var config = EncoderConfig(
                family: .distilbert, hiddenSize: try fields.positive("dim"), layers: try fields.positive("n_layers"),
                heads: try fields.positive("n_heads"), intermediateSize: try fields.positive("hidden_dim"),
                vocabularySize: try fields.positive("vocab_size"),
                maximumPositions: try fields.positive("max_position_embeddings"))
            config.segments = 0
            // transformers has it in the code, not in the config.
            config.normEpsilon = 1e-12
            config.activation = try fields.activation("activation", default: "gelu")
            config.hiddenDropout = try fields.number("dropout", default: 0.1, in: 0...0.99)
            config.attentionDropout = try fields.number("attention_dropout", default: 0.1, in: 0...0.99)
            // What attention gives is added to the residual without dropout.
            config.attentionOutputDropout = 0
            try config.checkHeads(fields, "n_heads", "dim")
            return config
        },
        names: { _ in
            var names = CheckpointNames(
                taskPrefix: "distilbert.", wordEmbeddings: "embeddings.word_embeddings.weight",
                positionEmbeddings: "embeddings.position_embeddings.weight", embeddingNorm: "embeddings.LayerNorm",
                layer: { "transformer.layer.\($0)" },
                modules: [
                    .query: "attention.q_lin", .key: "attention.k_lin", .value: "attention.v_lin",
                    .attentionOutput: "attention.out_lin", .intermediate: "ffn.lin1", .output: "ffn.lin2",
                ],
                attentionNorm: "sa_layer_norm", outputNorm: "output_layer_norm")
            names.adapterHubBlocks = ("attention_adapters", "output_adapters")
            return names
        })
}
