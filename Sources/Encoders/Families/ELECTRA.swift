import Files

extension EncoderFamily {
    /// ELECTRA's discriminator (Clark et al. 2020): BERT whose embeddings may be narrower than its layers.
    public static let electra: Self = Self(
        modelType: "electra", adapterTargets: [.query, .value],
        config: { fields throws(JSONFieldsError) in
            try fields.refuse("is_decoder", but: false)
            try fields.refuse("position_embedding_type", but: "absolute")
            var config = try EncoderConfig(likeBERT: fields, family: .electra)
            config.embeddingSize = try fields.positive("embedding_size", default: 128)
            return config
        },
        names: { config in
            var names = CheckpointNames.likeBERT(taskPrefix: "electra.")
            if config.embeddingSize != config.hiddenSize { names.embeddingProjection = "embeddings_project" }
            return names
        })
}
