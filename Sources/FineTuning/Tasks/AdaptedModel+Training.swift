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
    /// The loss in words.
    public let loss: String
}

extension AdaptedModel {
    /// Trains a task and adds it under `name`. The encoder stays as it is.
    ///
    /// - Parameters:
    ///   - objective: what to learn; nil: what the labels look made for.
    ///   - headRecipe: what the head is, what it starts from, and its loss.
    ///   - recipe: the adapters to train beside the head; nil: the head alone, on the frozen encoder.
    ///   - baseModel: what the adapter folder calls the base: its Hub id.
    ///   - checkpoints: where the run's state is kept while it goes on, and whether it is resumed from there; nil: nowhere.
    ///     A resumed run comes to the same bytes as one that was never stopped. The file stays when training is done.
    ///   - report: called after each step and epoch; its answer ends training early.
    /// - Throws: ``DataError`` for data that cannot be learned from, ``AdapterError`` for a recipe that does not fit,
    ///   ``TrainingError`` if training goes wrong or nothing trains, ``TrainingCheckpointError`` if there is no whole checkpoint
    ///   of this very run to resume from, ``HeadError`` if the model folder has no head of the kind chosen, ``LossError`` for a
    ///   loss that does not go with the objective or the data.
    public mutating func train(
        _ name: String, as objective: Objective? = nil, on training: Dataset,
        evaluatingOn evaluation: Dataset? = nil, head headRecipe: HeadRecipe = .linear, recipe: AdapterRecipe?,
        _ options: TrainingOptions, baseModel: String?,
        checkpoints: TrainingCheckpoints? = nil, report: (TrainingProgress) -> Continuation
    ) throws -> TrainedTask {
        let (head, start) = try head(
            headRecipe, for: objective ?? training.guessedObjective ?? .classification, learnedFrom: training)
        let fresh = try recipe?.fresh(for: encoder, seed: options.seed)
        let adapters = fresh?.adapters ?? .none
        let model = TaskModel(encoder: encoder, adapters: adapters, head: head)
        guard !model.parameters.isEmpty else { throw TrainingError.nothingTrains(objective: head.objective) }
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
            task: task, report: outcome, labelCounts: head.labels.map { (label: $0, count: counts[$0] ?? 0) },
            loss: head.lossDescription)
    }

    /// Scores of the task `name` on labelled data.
    ///
    /// - Throws: ``DataError`` for a label that the task does not know, ``PredictionError`` for a task without a head.
    public func evaluate(_ name: String, on data: Dataset) throws -> Scores {
        let (task, head, limit) = try answering(name)
        let texts = try texts(of: data, head, limit: limit)
        return TaskModel(encoder: encoder, adapters: task.adapters, head: head).evaluate(on: texts, task.parameters)
    }
}
