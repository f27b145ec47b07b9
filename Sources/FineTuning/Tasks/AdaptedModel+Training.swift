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
    /// What the kept state gave of each evaluation text, in their order; nil where the run does not know.
    let evaluationOutputs: [Matrix]?
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
    ///   - report: called after each step, epoch and stage; its answer ends training early.
    /// - Throws: ``DataError`` for data that cannot be learned from, ``AdapterError`` for a recipe that does not fit,
    ///   ``TrainingError`` if training goes wrong or nothing trains, ``DivergedTraining`` with what was good so far where a loss is
    ///   no number, ``TrainingCheckpointError`` if there is no whole checkpoint
    ///   of this very run to resume from, ``HeadError`` if the model folder has no head of the kind chosen, ``LossError`` for a
    ///   loss that does not go with the objective or the data.
    public mutating func train(
        _ name: String, as objective: Objective? = nil, on training: Dataset,
        evaluatingOn evaluation: Dataset? = nil, head headRecipe: HeadRecipe = .linear, recipe: AdapterRecipe?,
        _ options: TrainingOptions, baseModel: String?,
        checkpoints: TrainingCheckpoints? = nil, report: (TrainingProgress) throws -> Continuation
    ) throws -> TrainedTask {
        let task = TrainingRun.Task(
            name, objective: objective, training: training, evaluation: evaluation, head: .new(headRecipe),
            adapter: recipe == nil ? nil : name)
        let run = TrainingRun(
            tasks: [task], adapters: recipe.map { [.init(name, .new($0))] } ?? [],
            stages: [TrainingStage("training", options)])
        return try train(
            run, baseModel: baseModel, checkpoints: checkpoints, report: { progress, _ in try report(progress) }
        )
        .tasks[0].task
    }

    /// Trains the tasks of a run and adds them under their names. The encoder stays as it is: what of it trains is in the tasks.
    ///
    /// - Parameters:
    ///   - report: called after each step, epoch and stage, at the end of a stage with the tasks as it left them; its answer
    ///     ends training early.
    /// - Throws: what ``train(_:as:on:evaluatingOn:head:recipe:_:baseModel:checkpoints:report:)`` throws;
    ///   ``TrainingCheckpointError/finished(folder:)`` if the output folder of `checkpoints` holds what this very run came to.
    public mutating func train(
        _ run: TrainingRun, baseModel: String?, checkpoints: TrainingCheckpoints? = nil,
        report: (_ progress: TrainingProgress, _ tasks: () -> [(name: String, task: TaskAdapter)]) throws ->
            Continuation
    ) throws -> TrainedRun {
        let prepared = try PreparedRun(run, for: self, baseModel: baseModel)
        var trainer = prepared.trainer
        let checkpoint = checkpoints.map { TrainingCheckpoint(plan: $0, identity: prepared.identity) }
        if let folder = checkpoints?.output, TrainingRecord(contentsOf: folder) == TrainingRecord(prepared.identity) {
            throw TrainingCheckpointError.finished(folder: folder.relativePath)
        }
        if let checkpoint, checkpoint.plan.isResuming {
            try trainer.resume(from: checkpoint)
        } else if let checkpoints, checkpoints.interval != nil {
            // Another run's checkpoint is not to be gone on from, should this one be killed before its first.
            try checkpoints.remove()
        }
        let (outcome, divergence) = try trainer.run(writing: checkpoint) { progress in
            try report(progress) {
                guard case .stage(let stage) = progress, let values = stage.values else { return [] }
                return prepared.tasks(values, in: stage.stage - 1)
            }
        }
        let tasks = prepared.tasks(trainer.values, in: max(1, outcome.bestStage ?? outcome.stages.count) - 1)
        for (name, task) in tasks { add(name, task) }
        let isWhole = !outcome.isInterrupted && divergence == nil
        let trained = TrainedRun(
            tasks: tasks.indices.map { index in
                (
                    tasks[index].name,
                    TrainedTask(
                        task: tasks[index].task, report: outcome, labelCounts: prepared.labelCounts[index],
                        loss: prepared.losses[index], evaluationOutputs: trainer.keptOutputs[tasks[index].name])
                )
            }, report: outcome, record: isWhole ? TrainingRecord(prepared.identity) : nil)
        if let divergence {
            let data = Dictionary(uniqueKeysWithValues: run.tasks.map { ($0.name, $0.training) })
            throw DivergedTraining(divergence: divergence.named { data[$0] ?? nil }, lastGood: trained)
        }
        return trained
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
