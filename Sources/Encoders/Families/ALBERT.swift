import Files

extension EncoderFamily {
    /// ALBERT (Lan et al. 2019): BERT whose layers share their weights, and whose embeddings are narrower than its layers.
    ///
    /// A shared map has one adapter, which acts, and gathers its gradient, wherever the map is used: as in PEFT, which wraps
    /// the one module that there is.
    public static let albert: Self = Self(
        modelType: "albert", adapterTargets: [.query, .value],
        config: { fields throws(JSONFieldsError) in
            try fields.refuse("position_embedding_type", but: "absolute")
            let inner = try fields.positive("inner_group_num", default: 1)
            try fields.check("inner_group_num", inner, "1", inner == 1)
            var config = try EncoderConfig(likeBERT: fields, family: .albert)
            config.distinctLayers = try fields.positive("num_hidden_groups", default: 1)
            try fields.check(
                "num_hidden_groups", config.distinctLayers, "at most num_hidden_layers \(config.layers)",
                config.distinctLayers <= config.layers)
            config.embeddingSize = try fields.positive("embedding_size", default: 128)
            config.activation = try fields.activation("hidden_act", default: "gelu_new")
            config.hiddenDropout = try fields.number("hidden_dropout_prob", default: 0, in: 0...0.99)
            config.attentionDropout = try fields.number("attention_probs_dropout_prob", default: 0, in: 0...0.99)
            // transformers drops nothing of what the feed-forward block gives.
            config.outputDropout = 0
            // AdapterHub's library calls the adapters of ALBERT's attention with the two the other way round.
            config.blockWiring = .exchangedAroundAttention
            return config
        },
        names: { _ in
            var names = CheckpointNames(
                taskPrefix: "albert.", wordEmbeddings: "embeddings.word_embeddings.weight",
                positionEmbeddings: "embeddings.position_embeddings.weight",
                segmentEmbeddings: "embeddings.token_type_embeddings.weight", embeddingNorm: "embeddings.LayerNorm",
                layer: { "encoder.albert_layer_groups.\($0).albert_layers.0" },
                modules: [
                    .query: "attention.query", .key: "attention.key", .value: "attention.value",
                    .attentionOutput: "attention.dense", .intermediate: "ffn", .output: "ffn_output",
                ],
                attentionNorm: "attention.LayerNorm", outputNorm: "full_layer_layer_norm")
            names.embeddingProjection = "encoder.embedding_hidden_mapping_in"
            names.adapterHubBlocks = ("attention.attention_adapters", "output_adapters")
            return names
        })
}
