import Files

extension EncoderFamily {
    /// BERT (Devlin et al. 2018), and MiniLM and others that are BERT in shape.
    public static let bert: Self = Self(
        modelType: "bert", adapterTargets: [.query, .value],
        config: { fields throws(JSONFieldsError) in
            try fields.refuse("is_decoder", but: false)
            try fields.refuse("position_embedding_type", but: "absolute")
            return try EncoderConfig(likeBERT: fields, family: .bert)
        },
        names: { _ in .likeBERT(taskPrefix: "bert.") })
}

extension EncoderConfig {
    /// The fields of BERT, which RoBERTa, ELECTRA and others have kept: learned positions and segments, each block's norm
    /// behind its residual sum.
    init(likeBERT fields: JSONFields, family: EncoderFamily) throws(JSONFieldsError) {
        self.init(
            family: family, hiddenSize: try fields.positive("hidden_size"),
            layers: try fields.positive("num_hidden_layers"), heads: try fields.positive("num_attention_heads"),
            intermediateSize: try fields.positive("intermediate_size"),
            vocabularySize: try fields.positive("vocab_size"),
            maximumPositions: try fields.positive("max_position_embeddings"))
        segments = try fields.count("type_vocab_size", default: 2)
        normEpsilon = try fields.number("layer_norm_eps", default: 1e-12, in: 0...1)
        activation = try fields.activation("hidden_act", default: "gelu")
        try setDropouts(fields)
        try checkHeads(fields, "num_attention_heads", "hidden_size")
    }

    /// `hidden_dropout_prob` and `attention_probs_dropout_prob`.
    mutating func setDropouts(_ fields: JSONFields) throws(JSONFieldsError) {
        hiddenDropout = try fields.number("hidden_dropout_prob", default: 0.1, in: 0...0.99)
        attentionDropout = try fields.number("attention_probs_dropout_prob", default: 0.1, in: 0...0.99)
    }
}

extension CheckpointNames {
    /// The names of BERT, which RoBERTa and ELECTRA have kept.
    static func likeBERT(taskPrefix: String) -> CheckpointNames {
        CheckpointNames(
            taskPrefix: taskPrefix, wordEmbeddings: "embeddings.word_embeddings.weight",
            positionEmbeddings: "embeddings.position_embeddings.weight",
            segmentEmbeddings: "embeddings.token_type_embeddings.weight", embeddingNorm: "embeddings.LayerNorm",
            layer: { "encoder.layer.\($0)" },
            modules: [
                .query: "attention.self.query", .key: "attention.self.key", .value: "attention.self.value",
                .attentionOutput: "attention.output.dense", .intermediate: "intermediate.dense",
                .output: "output.dense",
            ],
            attentionNorm: "attention.output.LayerNorm", outputNorm: "output.LayerNorm")
    }
}
