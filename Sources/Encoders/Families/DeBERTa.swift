import Files
import Matrices

extension EncoderFamily {
    /// DeBERTa of the second and third version (He et al. 2020, 2021): BERT's layers, whose attention has terms of its own for
    /// relative positions.
    public static let deberta: Self = Self(
        modelType: "deberta-v2", adapterTargets: [.query, .value],
        config: { fields throws(JSONFieldsError) in
            for name in ["conv_kernel_size", "attention_head_size"] where fields.value(name) != nil {
                let found = try fields.count(name, default: 0)
                try fields.check(name, found, "nothing", found == 0)
            }
            var config = try EncoderConfig(likeBERT: fields, family: .deberta)
            let embeddingSize = try fields.positive("embedding_size", default: config.hiddenSize)
            try fields.check(
                "embedding_size", embeddingSize, "hidden_size \(config.hiddenSize)",
                embeddingSize == config.hiddenSize)
            config.segments = try fields.count("type_vocab_size", default: 0)
            config.normEpsilon = try fields.number("layer_norm_eps", default: 1e-7, in: 0...1)
            config.hasPositionEmbeddings = try fields.flag("position_biased_input", default: true)
            config.disentangled = try EncoderConfig.Disentangled(fields, maximum: config.maximumPositions)
            return config
        },
        names: { config in
            var names = CheckpointNames.likeBERT(taskPrefix: "deberta.")
            if !config.hasPositionEmbeddings { names.positionEmbeddings = nil }
            names.modules[.query] = "attention.self.query_proj"
            names.modules[.key] = "attention.self.key_proj"
            names.modules[.value] = "attention.self.value_proj"
            (names.relativeTable, names.relativeNorm) = ("encoder.rel_embeddings.weight", "encoder.LayerNorm")
            names.positionKey = "attention.self.pos_key_proj"
            names.positionQuery = "attention.self.pos_query_proj"
            return names
        })
}

extension EncoderConfig.Disentangled {
    /// nil where positions have no part in attention. `maximum` is `max_position_embeddings`.
    init?(_ fields: JSONFields, maximum: Int) throws(JSONFieldsError) {
        guard try fields.flag("relative_attention", default: false) else { return nil }
        // A list, or one text.
        let terms = try fields.names("pos_att_type").flatMap { $0.split(separator: "|") }
        for term in terms where term != "c2p" && term != "p2c" {
            throw fields.invalid("pos_att_type", term, "c2p, p2c or both")
        }
        guard !terms.isEmpty else { return nil }
        let buckets = Int(try fields.number("position_buckets", default: -1, in: -1...65_536))
        let furthest = Int(try fields.number("max_relative_positions", default: -1, in: -1...65_536))
        try fields.check("position_buckets", buckets, "2 or more, or -1", buckets != 1)
        let norms = (try fields.text("norm_rel_ebd") ?? "none").lowercased().split(separator: "|")
        self.init(
            distances: DisentangledDistances(
                buckets: buckets > 0 ? buckets : nil, maximum: furthest > 0 ? furthest : maximum),
            contentToPosition: terms.contains("c2p"), positionToContent: terms.contains("p2c"),
            sharesProjections: try fields.flag("share_att_key", default: false),
            normsTable: norms.contains("layer_norm"))
    }
}
