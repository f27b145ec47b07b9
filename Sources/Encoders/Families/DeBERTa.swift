import Files
import Matrices

extension EncoderFamily {
    /// DeBERTa of its second and third version (He et al. 2021, 2023): BERT whose scores also tell how contents and relative
    /// positions go together.
    ///
    /// In the third version the relative positions go through the maps of query and key. So do their adapters: an adapter of
    /// these maps acts in both places, and gathers its gradient from both, as in PEFT.
    public static let deberta: Self = Self(
        modelType: "deberta-v2", adapterTargets: [.query, .value],
        config: { fields throws(JSONFieldsError) in
            let convolution = try fields.count("conv_kernel_size", default: 0)
            try fields.check("conv_kernel_size", convolution, "0: no convolution", convolution == 0)
            var config = try EncoderConfig(likeBERT: fields, family: .deberta)
            config.segments = try fields.count("type_vocab_size", default: 0)
            config.normEpsilon = try fields.number("layer_norm_eps", default: 1e-7, in: 0...1)
            let width = try fields.positive("embedding_size", default: config.hiddenSize)
            try fields.check("embedding_size", width, "hidden_size \(config.hiddenSize)", width == config.hiddenSize)
            let head = try fields.positive("attention_head_size", default: config.headWidth)
            try fields.check("attention_head_size", head, "\(config.headWidth)", head == config.headWidth)
            config.disentangled = try .init(fields, config)
            return config
        },
        names: { config in
            let addsPositions = config.disentangled?.addsPositions ?? true
            var names = CheckpointNames(
                taskPrefix: "deberta.", wordEmbeddings: "embeddings.word_embeddings.weight",
                positionEmbeddings: addsPositions ? "embeddings.position_embeddings.weight" : nil,
                segmentEmbeddings: "embeddings.token_type_embeddings.weight", embeddingNorm: "embeddings.LayerNorm",
                layer: { "encoder.layer.\($0)" },
                modules: [
                    .query: "attention.self.query_proj", .key: "attention.self.key_proj",
                    .value: "attention.self.value_proj", .attentionOutput: "attention.output.dense",
                    .intermediate: "intermediate.dense", .output: "output.dense",
                ],
                attentionNorm: "attention.output.LayerNorm", outputNorm: "output.LayerNorm")
            names.relativePositions = CheckpointNames.RelativePositions(
                table: "encoder.rel_embeddings.weight", norm: "encoder.LayerNorm",
                key: "attention.self.pos_key_proj", query: "attention.self.pos_query_proj")
            return names
        })
}

extension EncoderConfig.Disentangled {
    /// The fields of DeBERTa.
    fileprivate init(_ fields: JSONFields, _ config: EncoderConfig) throws(JSONFieldsError) {
        addsPositions = try fields.flag("position_biased_input", default: true)
        let isRelative = try fields.flag("relative_attention", default: false)
        try fields.check("relative_attention", isRelative, "true", isRelative)
        // A list, or text with bars between the terms.
        let terms = try fields.names("pos_att_type").flatMap { $0.lowercased().split(separator: "|") }
            .map { $0.filter { !$0.isWhitespace } }
        try fields.check(
            "pos_att_type", terms, "c2p, p2c or both", !terms.isEmpty && Set(terms).isSubset(of: ["c2p", "p2c"]))
        (hasKeyTerm, hasQueryTerm) = (terms.contains("c2p"), terms.contains("p2c"))
        sharesMaps = try fields.flag("share_att_key", default: false)
        let norms = (try fields.text("norm_rel_ebd") ?? "none").lowercased().split(separator: "|")
            .map { $0.filter { !$0.isWhitespace } }
        try fields.check("norm_rel_ebd", norms, "none or layer_norm", norms == ["none"] || norms == ["layer_norm"])
        isNormed = norms == ["layer_norm"]
        let buckets = try fields.whole("position_buckets", default: -1)
        try fields.check("position_buckets", buckets, "any number but 1", buckets != 1)
        let maximum = try fields.whole("max_relative_positions", default: -1)
        let furthest = maximum > 0 ? maximum : config.maximumPositions
        try fields.check(
            maximum > 0 ? "max_relative_positions" : "max_position_embeddings", furthest,
            "more than \(buckets / 2 + 1), half of position_buckets and 1", furthest - 1 > buckets / 2)
        distances = DisentangledDistances(buckets: buckets > 0 ? buckets : nil, maximum: furthest)
    }
}

extension JSONFields {
    /// A whole number, which may be below 0.
    fileprivate func whole(_ name: String, default fallback: Int) throws(JSONFieldsError) -> Int {
        guard let value = value(name) else { return fallback }
        guard let number = value as? Int else { throw invalid(name, value, "a whole number") }
        return number
    }
}
