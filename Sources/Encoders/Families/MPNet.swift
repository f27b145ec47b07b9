import Files

extension EncoderFamily {
    /// MPNet (Song et al. 2020): BERT without segments, with a bias for the distance of tokens; positions are counted from
    /// behind the padding token's id.
    public static let mpnet: Self = Self(
        modelType: "mpnet", adapterTargets: [.query, .value],
        config: { fields throws(JSONFieldsError) in
            var config = try EncoderConfig(likeBERT: fields, family: .mpnet)
            config.segments = 0
            // The padding token and the ranges of distances are in the code of transformers, whatever the config says.
            try config.countPositions(from: 1, fields)
            let buckets = try fields.positive("relative_attention_num_buckets", default: 32)
            try fields.check("relative_attention_num_buckets", buckets, "32", buckets == 32)
            config.relativeBias = EncoderConfig.RelativeBias(buckets: buckets, maximumDistance: 128)
            return config
        },
        names: { _ in
            var names = CheckpointNames(
                taskPrefix: "mpnet.", wordEmbeddings: "embeddings.word_embeddings.weight",
                positionEmbeddings: "embeddings.position_embeddings.weight", embeddingNorm: "embeddings.LayerNorm",
                layer: { "encoder.layer.\($0)" },
                modules: [
                    .query: "attention.attn.q", .key: "attention.attn.k", .value: "attention.attn.v",
                    .attentionOutput: "attention.attn.o", .intermediate: "intermediate.dense",
                    .output: "output.dense",
                ],
                attentionNorm: "attention.LayerNorm", outputNorm: "output.LayerNorm")
            // The library does not know the family: where it puts adapters of models that it does not know.
            names.adapterHubBlocks = ("attention_adapters", "output_adapters")
            names.relativeBias = "encoder.relative_attention_bias.weight"
            return names
        })
}
