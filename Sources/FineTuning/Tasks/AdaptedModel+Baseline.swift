import Adapters
import Encoders
import Matrices
import Tokenizers

extension AdaptedModel {
    /// Trains the heads of a run alone, on the frozen encoder, and compares what that comes to with what was trained, on the same
    /// evaluation texts.
    ///
    /// Each task's head is a new one of the same kind, trained longer than usual, for nothing is as cheap: 20 epochs at least, at
    /// ten times the head's rate and 1e-2 at most, ended after five without a better score; the best epoch is kept. So it is a
    /// strong baseline. A head without layers is not trained: then the frozen encoder itself is the baseline.
    ///
    /// - Parameters:
    ///   - run: the run that was trained.
    ///   - trained: what it came to.
    ///   - report: called after each step and epoch of the heads; its answer ends their training early.
    /// - Returns: a comparison for each task that learns, is evaluated, and goes through something of the encoder that trained.
    /// - Throws: what ``train(_:baseModel:checkpoints:report:)`` throws.
    public func comparisonWithHeadsOnly(
        of run: TrainingRun, _ trained: TrainedRun, report: (TrainingProgress) throws -> Continuation
    ) throws -> [(task: String, comparison: BaselineComparison)] {
        var comparisons: [(task: String, comparison: BaselineComparison)] = []
        for (task, own) in zip(run.tasks, trained.tasks) {
            guard task.training != nil, let evaluation = task.evaluation, own.task.task.bundle != nil else { continue }
            guard case .new = task.head else { continue }
            var model = self
            model.add(AdaptedModel.trainedName, own.task.task)
            let (adapted, head, limit) = try model.answering(AdaptedModel.trainedName)
            let texts = try texts(of: evaluation, head, limit: limit)
            func outputs(_ adapters: AdapterSet, _ values: ParameterVector) -> [Matrix] {
                TaskModel(encoder: encoder, adapters: adapters, head: head).outputs(texts.texts, values)
            }
            let start = ContinuousClock.now
            var baseline = ParameterVector([])
            if !head.parameters.isEmpty {
                var headRun = run
                var headTask = task
                headTask.adapter = nil
                headTask.weight = 1
                headTask.maximumDrop = nil
                (headRun.tasks, headRun.adapters) = ([headTask], [])
                headRun.stages = [AdaptedModel.headStage(of: run)]
                let heads: TrainedRun
                do {
                    heads = try model.train(headRun, baseModel: nil) { progress, _ in try report(progress) }
                } catch let error as DivergedTraining { heads = error.lastGood }
                baseline = heads.tasks[0].task.task.parameters
            }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            comparisons.append(
                (
                    task.name,
                    BaselineComparison(
                        head, baseline: outputs(.none, baseline),
                        trained: outputs(adapted.adapters, adapted.parameters), texts,
                        by: run.stages[0].options.metric, seed: run.stages[0].options.seed,
                        seconds: seconds)
                ))
        }
        return comparisons
    }

    private static let trainedName = "what was trained"

    /// The stage in which heads train alone, and well.
    private static func headStage(of run: TrainingRun) -> TrainingStage {
        var options = run.stages[0].options
        let epochs = run.stages.reduce(0) { $0 + $1.options.epochs }
        (options.epochs, options.patience) = (max(20, epochs), 5)
        (options.evaluationInterval, options.averageDecay, options.reusesFrozenLayers) = (nil, nil, true)
        options.learningRates.heads = max(options.learningRates[.heads], min(1e-2, 10 * options.learningRates[.heads]))
        return TrainingStage("heads only", trains: .init(adapters: false), options)
    }
}
