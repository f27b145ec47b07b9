import Files
import Foundation
import Graft

/// `graft train`: trains tasks, of a recipe or the one that the line describes, and writes their folders and a report.
enum TrainCommand {
    static let command = Command(TrainOptions.command) { values in
        let recipe = try recipe(values)
        let isQuiet = values[SharedOptions.Output.quiet]
        let output = TrainingOutput(folder: recipe.output, isOneFolder: recipe.isOneFolder)
        try output.check(tasks: recipe.tasks.map(\.name), stages: recipe.stages.map(\.name))
        let checkpoints = checkpoints(values, beside: output)
        if checkpoints != nil { removeLeftovers(of: output, recipe) }
        let data = try recipe.readData()
        try sayObjectives(recipe, data, isQuiet: isQuiet)
        var session = try ModelSession(
            name: recipe.model, threads: values[SharedOptions.Machine.threads], precision: recipe.precision)
        let run = try recipe.run(on: session.model, data)
        try output.check(tasks: run.tasks.map(\.name), stages: run.stages.map(\.name))
        try sayWhatBecomesOfTheHead(of: session, run)
        if !isQuiet { try sayTheLosses(of: run, session) }
        let plan = try session.model.plan(run)
        if values[TrainOptions.dryRun] {
            print(
                values[SharedOptions.Output.json]
                    ? plan.json.line
                    : (plan.lines + plan.adapters.flatMap(\.lines)).joined(separator: "\n"))
            return
        }
        if !isQuiet { StandardError.print(plan.lines.joined(separator: "\n")) }
        let job = TrainingJob(
            run: run, plan: plan, output: output,
            command: command(recipe, precision: session.model.encoder.precision), checkpoints: checkpoints,
            comparesWithHeads: recipe.comparesWithHeads)
        let outcome: TrainingJob.Outcome
        do {
            outcome = try job.start(&session, ProgressLine(isQuiet: isQuiet))
        } catch TrainingCheckpointError.finished(let folder) where values[TrainOptions.resume] {
            StandardError.print("\(TrainingCheckpointError.finished(folder: folder))")
            try checkpoints?.remove()
            let log = output.beside(".metrics.jsonl")
            if FileManager.default.fileExists(atPath: log.path(percentEncoded: false)) {
                try MetricsLog(at: log).remove()
            }
            return
        }
        if values[SharedOptions.Output.json] {
            print(
                outcome.trained.json(
                    output: output.folder.relativePath, precision: session.model.encoder.precision,
                    peakMemory: PeakMemory.bytes, baselines: outcome.baselines
                ).line)
        } else {
            print(outcome.trained.summary(output, baselines: outcome.baselines).joined(separator: "\n"))
        }
    }

    /// This line as it makes the same folder on any machine: with the precision that "auto" came to on this one.
    private static func command(_ recipe: TrainingRecipe, precision: Precision) -> String {
        let line = CommandLineText.thisCommand(without: "--resume")
        guard recipe.precision == nil else { return line }
        return line.replacing(#/ --precision[ =]auto\b/#, with: "") + " --precision \(precision.rawValue)"
    }

    /// The checkpoint stands beside the output folder. To resume where there is none yet is to begin: a script may say the same line
    /// until it is done.
    private static func checkpoints(_ values: OptionValues, beside output: TrainingOutput) -> TrainingCheckpoints? {
        let (interval, isResuming) = (values[TrainOptions.checkpointEvery], values[TrainOptions.resume])
        guard interval != nil || isResuming else {
            let old = TrainingCheckpoints(in: output.beside(".checkpoint.safetensors"))
            if old.exists { warn(of: old) }
            return nil
        }
        let file = output.beside(".checkpoint.safetensors")
        let exists = TrainingCheckpoints(in: file).exists
        let checkpoints = TrainingCheckpoints(
            in: file, everySteps: interval, resuming: isResuming && exists, output: isResuming ? output.folder : nil)
        if !isResuming, exists { warn(of: checkpoints) }
        return checkpoints
    }

    /// Removes what a run that was killed in the middle of writing has left beside what it writes.
    private static func removeLeftovers(of output: TrainingOutput, _ recipe: TrainingRecipe) {
        let files = [".checkpoint.safetensors", ".metrics.jsonl"].map(output.beside)
        for url in files + [output.folder] + recipe.tasks.map({ output.folder(of: $0.name) }) {
            AtomicFile.removeLeftovers(of: url)
        }
    }

    private static func warn(of checkpoints: TrainingCheckpoints) {
        StandardError.print(
            "warning: \(checkpoints.file.relativePath) is the checkpoint of a run that did not finish; this run starts anew and "
                + (checkpoints.interval == nil ? "leaves it" : "replaces it") + " (--resume goes on from it)")
    }

    // MARK: What is said before the run

    /// What is learned, where that was guessed.
    private static func sayObjectives(
        _ recipe: TrainingRecipe, _ data: [TrainingRecipe.TaskData], isQuiet: Bool
    ) throws {
        for ((task, objective), data) in zip(zip(recipe.tasks, recipe.objectives(data)), data) {
            guard case .new(let head) = task.head, let objective, let training = data.training else { continue }
            if head.threshold != nil, objective != .multilabel {
                throw CommandLineError.conflict(
                    "--threshold is for several labels (--objective multilabel), the objective is \(objective.rawValue)"
                )
            }
            guard task.objective == nil, !isQuiet else { continue }
            let evidence = training.examples.first?.label == nil ? "texts without labels" : "labels"
            let subject = recipe.isOneFolder ? "objective" : "\(task.name)'s objective"
            StandardError.print("\(subject): \(objective.rawValue), guessed from the \(evidence) of \(training.source)")
        }
    }

    /// A head that the model has is dropped, or trained on, but never in silence.
    private static func sayWhatBecomesOfTheHead(of session: ModelSession, _ run: TrainingRun) throws {
        let choices = run.tasks.compactMap { if case .new(let recipe) = $0.head { recipe.choice } else { nil } }
        guard !choices.isEmpty, let head = try session.model.checkpointHead() else { return }
        let labels = head.labels.prefix(5).joined(separator: ", ") + (head.labels.count > 5 ? ", …" : "")
        let found =
            "note: the model is a \(head.architecture) with a head for \(head.objective.rawValue)"
            + " (\(head.labels.count) labels: \(labels)), which is "
        StandardError.print(
            found + (choices.contains(.checkpoint) ? "trained on" : "left out; --head checkpoint trains it on"))
    }

    /// A loss that depends on the data, or was asked for, is said before it is trained with.
    private static func sayTheLosses(of run: TrainingRun, _ session: ModelSession) throws {
        for task in run.tasks {
            guard case .new(let recipe) = task.head, let objective = task.objective, let training = task.training,
                objective == .similarity || recipe.loss != LossOptions()
            else { continue }
            let (head, _) = try session.model.head(recipe, for: objective, learnedFrom: training)
            StandardError.print("\(run.tasks.count > 1 ? "\(task.name)'s loss" : "loss"): \(head.lossDescription)")
        }
    }
}
