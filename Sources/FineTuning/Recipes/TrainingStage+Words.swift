extension TrainingStage.Trains {
    /// What trains, in words: "heads, adapters and layers 4-5".
    public var words: String {
        var parts: [String] = []
        if heads { parts.append("heads") }
        if adapters { parts.append("adapters") }
        if !layers.isEmpty { parts.append((layers.count == 1 ? "layer " : "layers ") + LayerRange.text(layers)) }
        if embeddings { parts.append("embeddings") }
        if norms { parts.append("norms") }
        if biases { parts.append("biases") }
        guard let last = parts.last, parts.count > 1 else { return parts.first ?? "nothing" }
        return parts.dropLast().joined(separator: ", ") + " and " + last
    }

    /// Reads `["heads", "adapters", "layers 4-5"]`.
    init(_ node: RecipeNode) throws(RecipeError) {
        self.init(heads: false, adapters: false)
        let words = ["heads", "adapters", "layers", "embeddings", "norms", "biases"]
        let items = try node.list(of: "what trains: \(words.joined(separator: ", "))")
        if items.isEmpty { throw node.invalid("something that trains") }
        for item in items {
            let text = try item.text("one of \(words.joined(separator: ", "))")
            let parts = text.split(separator: " ", omittingEmptySubsequences: true)
            switch (parts.first.map(String.init) ?? "", parts.count) {
            case ("heads", 1): heads = true
            case ("adapters", 1): adapters = true
            case ("embeddings", 1): embeddings = true
            case ("norms", 1): norms = true
            case ("biases", 1): biases = true
            case ("layers", _), ("layer", _):
                guard parts.count == 2, let range = LayerRange.layers(in: String(parts[1])) else {
                    throw item.invalid("\"layers\" with their numbers counted from 0, such as \"layers 4-5\"")
                }
                layers.formUnion(range)
            default:
                throw item.failure(
                    .unknownName(text, of: "part of the model", known: words, nearest: RecipeNode.nearest(text, words)))
            }
        }
    }
}
