extension TrainingStage.Trains {
    /// What it means to train this, and when to do so, in sentences.
    ///
    /// - Parameter frozenLayers: layers below all that trains.
    func meaning(frozenLayers: Int, of layers: Int) -> [String] {
        var sentences: [String] = []
        if self == .init(adapters: false) {
            sentences.append(
                "The encoder is frozen; heads learn from the states it gives, which are computed once, so that any number of"
                    + " epochs costs about one pass over the texts. The cheapest start, and the baseline of all else.")
            return sentences
        }
        if adapters {
            sentences.append(
                unfreezing.isEmpty
                    ? "The encoder is frozen; adapters learn small changes of it. The usual way: near to full fine-tuning in what"
                        + " it reaches, at a hundredth of the numbers."
                    : "Adapters learn small changes of what is frozen.")
        }
        if !self.layers.isEmpty {
            let names = (self.layers.count == 1 ? "Layer " : "Layers ") + LayerRange.text(self.layers)
            sentences.append(
                "\(names) of the encoder \(self.layers.count == 1 ? "trains" : "train") whole, by a change of full rank over the"
                    + " frozen weights. For data that adapters do not do justice to; it takes low rates, and more of them spoils"
                    + " what the encoder knows.")
        }
        if embeddings {
            sentences.append(
                "The embeddings train: for texts of words that the encoder has hardly met. Nothing can be kept from epoch to"
                    + " epoch, and the tables are large.")
        }
        if norms { sentences.append("Every norm trains: few numbers that scale what all layers give.") }
        if biases {
            sentences.append(
                "Every bias trains (BitFit): a tenth of a percent of the numbers, often enough for little data.")
        }
        if !heads { sentences.append("Heads keep what they are.") }
        if frozenLayers == layers {
            return sentences
        } else if frozenLayers > 0 {
            let names = frozenLayers == 1 ? "layer 0" : "layers 0-\(frozenLayers - 1)"
            sentences.append("Below that, in \(names), no gradient is computed, and what it gives is computed once.")
        }
        return sentences
    }
}
