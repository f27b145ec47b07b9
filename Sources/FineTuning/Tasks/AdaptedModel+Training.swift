import Adapters
import Encoders
import Matrices
import Tokenizers

/// What training a task on a data set came to.
public struct TrainedTask: Sendable {
    /// The task, to use and to write.
    public let task: TaskAdapter
    /// How it went.
    public let report: TrainingReport
    /// Label names with the number of training texts of each, or of words for tags, in the head's order.
    public let labelCounts: [(label: String, count: Int)]
}

extension AdaptedModel {
    /// Trains a task and adds it under `name`. The encoder stays as it is.
    ///
    /// - Parameters:
    ///   - objective: what to learn, classification or tagging; nil: what the labels look made for.
    ///   - choice: what the head is, and what it starts from.
    ///   - recipe: the adapters to train beside the head; nil: the head alone, on the frozen encoder.
    ///   - baseModel: what the adapter folder calls the base: its Hub id.
    ///   - checkpoints: where the run's state is kept while it goes on, and whether it is resumed from there; nil: nowhere.
    ///     A resumed run comes to the same bytes as one that was never stopped. The file stays when training is done.
    ///   - report: called after each step and epoch; its answer ends training early.
    /// - Throws: ``DataError`` for data that cannot be learned from, ``AdapterError`` for a recipe that does not fit,
    ///   ``TrainingError`` if training goes wrong or there is no head for the objective, ``TrainingCheckpointError`` if there is no whole checkpoint of this very
    ///   run to resume from, ``HeadError`` if the model folder has no head of the kind chosen.
    public mutating func train(
        _ name: String, as objective: Objective? = nil, on training: Dataset,
        evaluatingOn evaluation: Dataset? = nil, head choice: HeadChoice = .linear, recipe: AdapterRecipe?,
        _ options: TrainingOptions, baseModel: String?,
        checkpoints: TrainingCheckpoints? = nil, report: (TrainingProgress) -> Continuation
    ) throws -> TrainedTask {
        let (head, start) = try head(
            choice, for: objective ?? training.guessedObjective ?? .classification, learnedFrom: training)
        let fresh = try recipe?.fresh(for: encoder, seed: options.seed)
        let adapters = fresh?.adapters ?? .none
        let model = TaskModel(encoder: encoder, adapters: adapters, head: head)
        var values = ParameterVector(model.parameters)
        if let fresh { for parameter in adapters.parameters { values[parameter] = fresh.parameters[parameter] } }
        head.initialize(&values, seed: options.seed)
        for (parameter, value) in start { values[parameter] = value }

        let limit = min(options.maximumTokens, encoder.config.maximumPositions)
        let training = (data: training, texts: try texts(of: training, head, limit: limit))
        let evaluation = try evaluation.map { try texts(of: $0, head, limit: limit) }
        var trainer = Trainer(model, startingFrom: values, on: training.texts, options)
        let checkpoint = checkpoints.map { plan in
            TrainingCheckpoint(
                plan: plan,
                identity: TrainingIdentity(
                    model, recipe, options, headStart: start, training: training.texts, evaluation: evaluation))
        }
        if let checkpoint, checkpoint.plan.isResuming { try trainer.resume(from: checkpoint) }
        let outcome = try trainer.run(evaluatingOn: evaluation, writing: checkpoint, report: report)

        let bundle = recipe.map {
            AdapterBundle($0, trained: trainer.values, adapters, on: encoder, baseModel: baseModel)
        }
        let files = HeadFiles(head, trainer.values, maximumTokens: limit, on: encoder)
        let task = TaskAdapter(bundle: bundle, head: files)
        add(name, task)
        let counts = training.data.labelCounts
        return TrainedTask(
            task: task, report: outcome, labelCounts: head.labels.map { (label: $0, count: counts[$0] ?? 0) })
    }

    /// Scores of the task `name` on labelled data.
    ///
    /// - Throws: ``DataError`` for a label that the task does not know, ``PredictionError`` for a task without a head.
    public func evaluate(_ name: String, on data: Dataset) throws -> Scores {
        let (task, head, limit) = try answering(name)
        let texts = try texts(of: data, head, limit: limit)
        return TaskModel(encoder: encoder, adapters: task.adapters, head: head).evaluate(on: texts, task.parameters)
    }

    /// The head that learns `objective` from `data`, and the values of its layers that do not start at random.
    private func head(
        _ choice: HeadChoice, for objective: Objective, learnedFrom data: Dataset
    ) throws -> (head: any Head, start: [Parameter: Matrix]) {
        guard objective == .classification || objective == .tagging else { throw TrainingError.noHead(for: objective) }
        if choice == .checkpoint {
            let (head, values) = try checkpointHeadFiles().head
            guard head.objective == objective else {
                throw TrainingError.otherHead(found: head.objective, expected: objective)
            }
            return (head, Dictionary(uniqueKeysWithValues: head.parameters.map { ($0, values[$0]) }))
        }
        let isOfTexts = objective == .classification
        let own = choice == .transformers ? try CheckpointHead.family(of: folder, ofTexts: isOfTexts) : nil
        let (hiddenSize, shape) = (encoder.config.hiddenSize, own?.shape ?? .linear)
        let head: any Head =
            isOfTexts
            ? ClassificationHead(
                labels: try LabelIndex(of: data).names, hiddenSize: hiddenSize,
                pooling: own?.pooling ?? sentence.pooling, shape: shape)
            : TaggingHead(labels: try LabelIndex(ofTagsIn: data).names, hiddenSize: hiddenSize, shape: shape)
        guard choice == .transformers else { return (head, [:]) }
        return (head, try CheckpointHead.pretrainedValues(of: head, in: folder, for: encoder))
    }

    private func texts(of data: Dataset, _ head: any Head, limit: Int) throws -> TrainingTexts {
        let ids = try head.ids(of: data)
        let texts = try TextBlocks.tokenize(data.inputs) { text throws(TokenizerError) in
            try head.texts(of: text, tokenizer, limit: limit)
        }
        return TrainingTexts(
            texts: texts.flatMap { $0 }, targets: zip(ids, texts).flatMap { head.targets($0, of: $1) })
    }
}
