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
    /// Label names with the number of training texts of each, in the head's order.
    public let labelCounts: [(label: String, count: Int)]
}

extension AdaptedModel {
    /// Trains a classification task and adds it under `name`. The encoder stays as it is.
    ///
    /// - Parameters:
    ///   - recipe: the adapters to train beside the head; nil: the head alone, on the frozen encoder.
    ///   - baseModel: what the adapter folder calls the base: its Hub id.
    ///   - checkpoints: where the run's state is kept while it goes on, and whether it is resumed from there; nil: nowhere.
    ///     A resumed run comes to the same bytes as one that was never stopped. The file stays when training is done.
    ///   - report: called after each step and epoch; its answer ends training early.
    /// - Throws: ``DataError`` for data that cannot be learned from, ``AdapterError`` for a recipe that does not fit,
    ///   ``TrainingError`` if training goes wrong, ``TrainingCheckpointError`` if there is no whole checkpoint of this very
    ///   run to resume from.
    public mutating func train(
        _ name: String, on training: Dataset, evaluatingOn evaluation: Dataset? = nil, recipe: AdapterRecipe?,
        _ options: TrainingOptions, baseModel: String?,
        checkpoints: TrainingCheckpoints? = nil, report: (TrainingProgress) -> Continuation
    ) throws -> TrainedTask {
        let labels = try LabelIndex(of: training)
        let head = ClassificationHead(
            labels: labels.names, hiddenSize: encoder.config.hiddenSize, pooling: pooling.mode)
        let fresh = try recipe?.fresh(for: encoder, seed: options.seed)
        let adapters = fresh?.adapters ?? .none
        let model = ClassificationModel(encoder: encoder, adapters: adapters, head: head)
        var values = ParameterVector(model.parameters)
        if let fresh { for parameter in adapters.parameters { values[parameter] = fresh.parameters[parameter] } }
        head.initialize(&values, seed: options.seed)

        let limit = min(options.maximumTokens, encoder.config.maximumPositions)
        let training = (data: training, texts: try texts(of: training, labels, limit: limit))
        let evaluation = try evaluation.map { try texts(of: $0, labels, limit: limit) }
        var trainer = Trainer(model, startingFrom: values, on: training.texts, options)
        let checkpoint = checkpoints.map { plan in
            TrainingCheckpoint(
                plan: plan,
                identity: TrainingIdentity(model, recipe, options, training: training.texts, evaluation: evaluation))
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
            task: task, report: outcome, labelCounts: labels.names.map { (label: $0, count: counts[$0] ?? 0) })
    }

    /// Scores of the task `name` on labelled data.
    ///
    /// - Throws: ``DataError`` for a label that the task does not know, ``PredictionError`` for a task without a head.
    public func evaluate(_ name: String, on data: Dataset) throws -> ClassificationMetrics {
        let task = try task(name)
        guard let files = task.head else { throw PredictionError.noHead(task: name) }
        let labels = LabelIndex(files.labels)
        let texts = try texts(of: data, labels, limit: files.maximumTokens)
        let model = ClassificationModel(encoder: encoder, adapters: task.adapters, head: files.head.head)
        return model.evaluate(on: texts, task.parameters)
    }

    private func texts(of data: Dataset, _ labels: LabelIndex, limit: Int) throws -> TrainingTexts {
        let targets = try labels.ids(of: data)
        return TrainingTexts(texts: try tokenize(data.inputs, limit: limit), targets: targets)
    }
}
