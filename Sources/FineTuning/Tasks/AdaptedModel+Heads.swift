import Encoders
import Matrices
import Tokenizers

/// Heads for data sets: which one learns what a data set says, and the data set as that head reads it.
extension AdaptedModel {
    /// The head that learns `objective` from `data`, and the values of its layers that do not start at random.
    ///
    /// - Throws: ``DataError`` for labels that the objective cannot learn, ``LossError`` for a loss that does not go with it,
    ///   ``HeadError`` or ``TrainingError`` if the model folder has no head of the kind chosen.
    package func head(
        _ recipe: HeadRecipe, for objective: Objective, learnedFrom data: Dataset
    ) throws -> (head: any Head, start: [Parameter: Matrix]) {
        if recipe.threshold != nil, objective != .multilabel {
            throw LossError.unsuitable(
                setting: "a threshold", objective: objective, expected: "none: it is for several labels")
        }
        if recipe.choice == .checkpoint { return try checkpointHead(recipe, for: objective, data) }
        let own =
            recipe.choice == .transformers
            ? try CheckpointHead.family(of: folder, ofTexts: objective != .tagging) : nil
        let pooling = own?.pooling ?? sentence.pooling
        let dropout = encoder.config.hiddenDropout
        let shape = own?.shape ?? (recipe.choice == .twoLayer ? .twoLayer(dropout: dropout) : .linear)
        let labels: [String] =
            switch objective {
            case .classification: try LabelIndex(of: data).names
            case .multilabel: try LabelIndex(ofListsIn: data).names
            case .tagging: try LabelIndex(ofTagsIn: data).names
            case .regression, .similarity: []
            }
        if objective == .similarity, recipe.choice != .linear {
            throw HeadError.noLayers(choice: recipe.choice, objective: objective)
        }
        let head = try head(objective, labels, pooling, shape, recipe, data)
        guard recipe.choice == .transformers else { return (head, [:]) }
        return (head, try CheckpointHead.pretrainedValues(of: head, in: folder, for: encoder))
    }

    /// The head that the model folder has, with its values.
    private func checkpointHead(
        _ recipe: HeadRecipe, for objective: Objective, _ data: Dataset
    ) throws -> (head: any Head, start: [Parameter: Matrix]) {
        let files = try checkpointHeadFiles()
        guard files.objective == objective else {
            throw TrainingError.otherHead(found: files.objective, expected: objective)
        }
        let pooling = files.pooling ?? sentence.pooling
        let head = try head(objective, files.labels, pooling, files.shape, recipe, data)
        let values = files.head.values
        return (head, Dictionary(uniqueKeysWithValues: head.parameters.map { ($0, values[$0]) }))
    }

    private func head(
        _ objective: Objective, _ labels: [String], _ pooling: Pooling, _ shape: HeadShape, _ recipe: HeadRecipe,
        _ data: Dataset
    ) throws -> any Head {
        let (loss, hiddenSize) = (recipe.loss, encoder.config.hiddenSize)
        switch objective {
        case .classification:
            let loss = try loss.classLoss(objective, labels: labels, counts: data.labelCounts)
            return ClassificationHead(
                labels: labels, hiddenSize: hiddenSize, pooling: pooling, shape: shape, loss: loss)
        case .tagging:
            let loss = try loss.classLoss(objective, labels: labels, counts: data.tagCounts)
            return TaggingHead(labels: labels, hiddenSize: hiddenSize, shape: shape, loss: loss)
        case .multilabel:
            let loss = try loss.multilabelLoss(labels: labels, counts: data.labelCounts, examples: data.count)
            return MultilabelHead(
                labels: labels, hiddenSize: hiddenSize, pooling: pooling, shape: shape, loss: loss,
                threshold: recipe.threshold ?? MultilabelHead.usualThreshold)
        case .regression:
            try loss.checkRegression()
            return RegressionHead(hiddenSize: hiddenSize, pooling: pooling, shape: shape)
        case .similarity:
            try data.checkPairs()
            let first = data.examples.first
            let hasScores = first?.label != nil
            let loss = try loss.similarityLoss(hasScores: hasScores, hasNegatives: first?.negative != nil)
            return SimilarityHead(sentence, loss: loss, scoreScale: hasScores ? try data.scoreScale() : 1)
        }
    }

    /// A data set as `head` reads it, each text of at most `limit` tokens.
    ///
    /// - Throws: ``DataError`` for what the head cannot learn or score, ``TokenizerError`` for a limit that is too small.
    package func texts(of data: Dataset, _ head: any Head, limit: Int) throws -> TrainingTexts {
        let answers = try head.answers(in: data)
        let texts = try TextBlocks.tokenize(data.inputs) { text throws(TokenizerError) in
            try head.texts(of: text, tokenizer, limit: limit)
        }
        var units: [Range<Int>]?
        if head.lossSeesWholeStep {
            var start = 0
            units = texts.map { texts in
                defer { start += texts.count }
                return start..<start + texts.count
            }
        }
        return TrainingTexts(
            texts: texts.flatMap { $0 }, targets: zip(answers, texts).flatMap { head.targets($0, of: $1) },
            units: units, origins: texts.enumerated().flatMap { index, own in own.map { _ in index } })
    }
}

extension HeadShape {
    /// RoBERTa's: dropout, a dense layer, tanh, dropout, and the output layer.
    public static func twoLayer(dropout: Float) -> HeadShape {
        HeadShape(inputDropout: dropout, dense: Dense(.tanh), outputDropout: dropout)
    }
}

extension Dataset {
    /// How many words have each tag, by the tag's full name.
    fileprivate var tagCounts: [String: Int] {
        labelCounts.reduce(into: [:]) { counts, count in
            counts[Tag(count.key)?.name ?? count.key, default: 0] += count.value
        }
    }
}
