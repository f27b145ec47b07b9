/// The one table of tensor names in checkpoints, for each family of encoders.
///
/// Names are those of the bare model (`BertModel`); a task model's checkpoint has them behind a prefix (`bert.`).
package struct CheckpointNames: Sendable {
    let family: EncoderFamily

    package init(_ family: EncoderFamily) { self.family = family }

    /// What task models put before the names of the bare model.
    package var taskPrefix: String {
        switch family {
        case .bert: "bert."
        }
    }

    var wordEmbeddings: String { "embeddings.word_embeddings.weight" }
    var positionEmbeddings: String { "embeddings.position_embeddings.weight" }
    var segmentEmbeddings: String { "embeddings.token_type_embeddings.weight" }
    var embeddingNorm: String { "embeddings.LayerNorm" }

    func attentionNorm(layer: Int) -> String { "encoder.layer.\(layer).attention.output.LayerNorm" }
    func outputNorm(layer: Int) -> String { "encoder.layer.\(layer).output.LayerNorm" }

    /// The module of a linear map: its tensors are `<module>.weight` and `<module>.bias`. PEFT calls it so too.
    package func module(of site: Site) -> String { "encoder.layer.\(site.layer).\(module(of: site.projection))" }

    /// The module of a projection within its layer.
    package func module(of projection: Projection) -> String {
        switch projection {
        case .query: "attention.self.query"
        case .key: "attention.self.key"
        case .value: "attention.self.value"
        case .attentionOutput: "attention.output.dense"
        case .intermediate: "intermediate.dense"
        case .output: "output.dense"
        }
    }

    /// What people put into `target_modules` for a projection: the ending of its module's name.
    package func target(of projection: Projection) -> String {
        switch projection {
        case .query: "query"
        case .key: "key"
        case .value: "value"
        case .attentionOutput, .intermediate, .output: module(of: projection)
        }
    }
}
