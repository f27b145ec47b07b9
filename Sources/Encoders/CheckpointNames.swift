/// What the tensors of an encoder are called in checkpoints, and its modules in PEFT: a value for each family.
///
/// Names are those of the bare model (`BertModel`); a task model's checkpoint has them behind a prefix (`bert.`). A module is
/// a part of a model with tensors `<module>.weight` and perhaps `<module>.bias`.
package struct CheckpointNames: Sendable {
    /// What task models put before the names of the bare model.
    package let taskPrefix: String
    /// The table of words.
    let wordEmbeddings: String
    /// The tables of positions and segments, where there are such.
    var positionEmbeddings, segmentEmbeddings: String?
    /// The module of the norm behind the embeddings.
    var embeddingNorm: String?
    /// The module that projects embeddings to the width of the layers.
    var embeddingProjection: String?
    /// The path of the layer with this number, among those that have weights of their own.
    package let layer: @Sendable (Int) -> String
    /// The modules of linear maps, within their layer.
    let modules: [Projection: String]
    /// The module, within its layer, of the norm behind attention; in pre-norm encoders of that before it.
    let attentionNorm: String
    /// The module, within its layer, of the norm behind the feed-forward block; in pre-norm encoders of that before it.
    let outputNorm: String
    /// The module of the norm behind the last layer, in pre-norm encoders.
    var finalNorm: String?
    /// The table of a bias for distances, which all layers share.
    var relativeBias: String?
    /// What relative positions of DeBERTa are called.
    var relativePositions: RelativePositions?
    /// Other names that tensors have had over the years: an ending, and what it was.
    var formerEndings = [
        // Checkpoints converted from TensorFlow.
        ("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta"),
    ]

    init(
        taskPrefix: String, wordEmbeddings: String, positionEmbeddings: String? = nil,
        segmentEmbeddings: String? = nil, embeddingNorm: String?, layer: @escaping @Sendable (Int) -> String,
        modules: [Projection: String], attentionNorm: String, outputNorm: String, finalNorm: String? = nil
    ) {
        (self.taskPrefix, self.wordEmbeddings) = (taskPrefix, wordEmbeddings)
        (self.positionEmbeddings, self.segmentEmbeddings) = (positionEmbeddings, segmentEmbeddings)
        (self.embeddingNorm, self.layer, self.modules) = (embeddingNorm, layer, modules)
        (self.attentionNorm, self.outputNorm, self.finalNorm) = (attentionNorm, outputNorm, finalNorm)
    }

    /// What the names of a checkpoint's tensors have before them: "" or ``taskPrefix``.
    package func prefix(of tensors: [String]) -> String {
        spellings(of: taskPrefix + wordEmbeddings).contains(where: tensors.contains) ? taskPrefix : ""
    }

    /// Whether the table of words is that of two modules of the model.
    package var sharesWords: Bool { spellings(of: wordEmbeddings).count > 1 }

    /// The names that a tensor may have.
    package func spellings(of name: String) -> [String] {
        [name] + formerEndings.filter { name.hasSuffix($0.0) }.map { name.dropLast($0.0.count) + $0.1 }
    }

    /// The table of relative positions, the module of its norm, and the modules within a layer that project it, where these
    /// are not those of keys and queries.
    struct RelativePositions: Sendable { let table, norm, key, query: String }

    // MARK: Linear maps

    /// The module of a linear map.
    package func module(of site: Site) -> String { "\(layer(site.layer)).\(module(of: site.projection))" }

    /// The module of a projection within its layer.
    package func module(of projection: Projection) -> String {
        guard let module = modules[projection] else {
            preconditionFailure("layers of this family have no map \(projection.rawValue)")
        }
        return module
    }

    /// What people put into `target_modules` for a projection: the shortest ending of its module's name that no other module
    /// has, or the whole name.
    package func target(of projection: Projection) -> String {
        let module = module(of: projection)
        let parts = module.split(separator: ".")
        let others = modules.filter { $0.key != projection }.values
        for count in 1..<parts.count {
            let ending = parts.suffix(count).joined(separator: ".")
            if !others.contains(where: { $0 == ending || $0.hasSuffix("." + ending) }) { return ending }
        }
        return module
    }
}
