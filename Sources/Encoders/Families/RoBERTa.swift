import Files

extension EncoderFamily {
    /// RoBERTa (Liu et al. 2019): BERT's layers; positions are counted from behind the padding token's id.
    public static let roberta: Self = likeRoBERTa("roberta")

    /// XLM-RoBERTa (Conneau et al. 2019): RoBERTa with a vocabulary of a hundred languages.
    public static let xlmRoberta: Self = likeRoBERTa("xlm-roberta")

    /// CamemBERT (Martin et al. 2019): RoBERTa in French.
    public static let camembert: Self = likeRoBERTa("camembert")

    /// The three differ in their tokenizers alone; in checkpoints all are called `roberta`.
    private static func likeRoBERTa(_ modelType: String) -> EncoderFamily {
        EncoderFamily(
            modelType: modelType, adapterTargets: [.query, .value],
            config: { fields throws(JSONFieldsError) in
                try fields.refuse("is_decoder", but: false)
                try fields.refuse("position_embedding_type", but: "absolute")
                var config = try EncoderConfig(likeBERT: fields, family: likeRoBERTa(modelType))
                try config.countPositions(from: try fields.count("pad_token_id", default: 1), fields)
                return config
            },
            names: { _ in .likeBERT(taskPrefix: "roberta.") })
    }
}

extension EncoderConfig {
    /// The first token's position is the one after the padding token's id, so so many fewer tokens fit into the table.
    mutating func countPositions(from padding: Int, _ fields: JSONFields) throws(JSONFieldsError) {
        (firstPosition, paddingToken) = (padding + 1, padding)
        maximumPositions -= firstPosition
        try fields.check(
            "max_position_embeddings", maximumPositions + firstPosition,
            "more than \(firstPosition), the position of the first token", maximumPositions > 0)
    }
}
