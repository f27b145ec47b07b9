import Foundation
import Graft

/// A run and what is done about it: progress is shown, metrics are logged, folders and the report are written.
struct TrainingJob {
    /// What trains.
    let run: TrainingRun
    /// What that costs.
    let plan: TrainingPlan
    let output: TrainingOutput
    /// What cards and the report say makes the folders again.
    let command: String
    /// Where the run's state is kept; nil: nowhere.
    var checkpoints: TrainingCheckpoints?
    /// Whether heads are trained alone too, to be compared with.
    var comparesWithHeads = false

    /// Trains, and writes what it came to.
    ///
    /// - Throws: what training throws; of a run that came to no finite number, what was good until then is written first.
    func start(_ session: inout ModelSession, _ progress: ProgressLine) throws -> Outcome {
        let (clock, path) = (ContinuousClock(), output.folder.relativePath)
        let start = clock.now
        let interruption = Interruption(onFirst: {
            StandardError.print(
                "\nstopping after this step; the best epoch so far goes to \(path) (Ctrl-C again: at once)")
        })
        let url = output.beside(".metrics.jsonl")
        let log = try checkpoints?.isResuming == true ? MetricsLog(resuming: url) : MetricsLog(at: url)
        let writer = Writer(self, log, session)
        var isFirstEvent = true
        do {
            let trained = try session.model.train(run, baseModel: session.baseName, checkpoints: checkpoints) {
                event, tasks in
                if isFirstEvent { sayWhereItBegins() }
                isFirstEvent = false
                try log.append(event)
                show(event, progress)
                if case .stage(let stage) = event { try writer.write(stage, tasks()) }
                return interruption.isRequested ? .stop : .more
            }
            progress.clear()
            let seconds = (clock.now - start) / .seconds(1)
            let baselines = try baselines(of: trained, session.model, progress, interruption)
            try writer.write(trained, session.model, seconds: seconds, baselines: baselines)
            try finish(trained, log)
            return Outcome(trained: trained, baselines: baselines)
        } catch let error as DivergedTraining {
            progress.clear()
            try writer.write(
                error.lastGood, session.model, seconds: (clock.now - start) / .seconds(1),
                note: "The run ended early: \(error.divergence)")
            StandardError.print("what was good until then is in \(path)")
            throw error
        }
    }

    /// What a run came to, and how its tasks compare with their heads alone, where that was asked for.
    struct Outcome {
        let trained: TrainedRun
        let baselines: [(task: String, comparison: BaselineComparison)]
    }

    /// Trains the heads alone. A run that was stopped is not compared with one that was not, nor the other way round.
    private func baselines(
        of trained: TrainedRun, _ model: AdaptedModel, _ line: ProgressLine, _ interruption: Interruption
    ) throws -> [(task: String, comparison: BaselineComparison)] {
        guard comparesWithHeads, !trained.report.isInterrupted else { return [] }
        let baselines = try model.comparisonWithHeadsOnly(of: run, trained) { event in
            if case .step(let step) = event {
                line.update(
                    "heads only  epoch \(step.epoch)  step \(step.step)/\(step.steps)  loss \(step.loss.fixed(4))")
            }
            return interruption.isRequested ? .stop : .more
        }
        line.clear()
        return interruption.isRequested ? [] : baselines
    }

    /// A run that is to be resumed and cannot be, because it had come to no checkpoint, begins at its start.
    private func sayWhereItBegins() {
        guard let checkpoints, checkpoints.output != nil, !checkpoints.isResuming else { return }
        StandardError.print(
            "note: there was no checkpoint at \(checkpoints.file.relativePath), so the run began at its start")
    }

    /// Tidies up beside the output folder, or says how to go on.
    private func finish(_ trained: TrainedRun, _ log: MetricsLog) throws {
        if let checkpoints, trained.report.isInterrupted {
            StandardError.print(
                "the state of step \(trained.report.steps) is in \(checkpoints.file.relativePath); "
                    + "the same command with --resume goes on from there")
        } else {
            try checkpoints?.remove()
            try log.remove()
        }
        if !trained.report.unmoved.isEmpty {
            StandardError.print(
                "warning: training did not move \(trained.report.unmoved.joined(separator: ", ")); "
                    + "is the learning rate above zero, and was there a step?")
        }
    }

    private func show(_ event: TrainingProgress, _ line: ProgressLine) {
        func place(_ stage: Int) -> String { run.stages.count > 1 ? "stage \(stage)  " : "" }
        switch event {
        case .step(let step):
            line.update(
                "\(place(step.stage))epoch \(step.epoch)  step \(step.step)/\(step.steps)  loss \(step.loss.fixed(4))  "
                    + "\(HumanUnits.count(Int(step.tokensPerSecond))) tokens/s  "
                    + "\(HumanUnits.duration(step.secondsLeft)) left")
        case .epoch(let epoch):
            let scores = epoch.taskScores.map { task in
                "  " + (run.tasks.count > 1 ? "\(task.task) " : "") + task.scores.summary
            }
            line.milestone(
                "\(place(epoch.stage))epoch \(epoch.epoch)/\(epoch.epochs)"
                    + (run.stages[epoch.stage - 1].options.evaluationInterval == nil ? "" : "  step \(epoch.step)")
                    + "  mean loss \(epoch.loss.fixed(4))"
                    + scores.joined() + (epoch.isBest && !scores.isEmpty ? "  best so far" : ""))
        case .stage(let stage) where run.stages.count > 1:
            line.milestone("stage \(stage.stage)/\(run.stages.count), \(stage.name), is done")
        case .stage: break
        }
    }
}

extension TrainingJob {
    /// Writes the folders, the metrics and the report.
    private struct Writer {
        private let job: TrainingJob
        private let log: MetricsLog
        private let baseName: String
        private let encoder: TransformerEncoder

        init(_ job: TrainingJob, _ log: MetricsLog, _ session: ModelSession) {
            (self.job, self.log) = (job, log)
            (baseName, encoder) = (session.baseName, session.model.encoder)
        }

        /// The tasks as a stage left them.
        func write(_ stage: TrainingProgress.Stage, _ tasks: [(name: String, task: TaskAdapter)]) throws {
            guard job.output.keeps(job.run.stages.map(\.name)) else { return }
            for (index, task) in tasks.enumerated() {
                let counts = task.task.head?.labels.map {
                    (label: $0, count: job.run.tasks[index].training?.labelCounts[$0] ?? 0)
                }
                let card = ModelCard(
                    index, of: job.run,
                    .init(
                        task: task.task, labelCounts: counts ?? [], loss: loss(of: task.name),
                        trainedParameters: stage.trained.values.reduce(0, +)),
                    scores: stage.best?.taskScores.first { $0.task == task.name }?.scores,
                    kept: "epoch \(stage.bestEpoch.map(String.init) ?? "none") of stage \(stage.stage), \(stage.name)",
                    command: job.command, baseModel: baseName, encoder: encoder)
                try task.task.write(
                    to: job.output.folder(of: task.name, stage: stage.stage, stage.name), card: card.markdown)
            }
        }

        /// The loss of a task in words.
        private func loss(of task: String) -> String {
            job.plan.settings.first { $0.name == "loss" || $0.name == "\(task)'s loss" }?.value ?? "not said"
        }

        /// What the run came to.
        func write(
            _ trained: TrainedRun, _ model: AdaptedModel, seconds: Double,
            baselines: [(task: String, comparison: BaselineComparison)] = [], note: String? = nil
        ) throws {
            let report = trained.report
            var kept = report.bestEpoch.map(String.init) ?? "none finished"
            if let best = report.best, job.run.stages[best.stage - 1].options.evaluationInterval != nil {
                kept = "\(best.epoch), as it was after step \(best.step)"
            }
            if job.run.stages.count > 1 {
                kept = report.bestStage.map { "epoch \(kept) of the run, in stage \($0)" } ?? "none of a stage"
            }
            let page = try self.page(trained, model, seconds: seconds, baselines, note)
            let companions = [("metrics.jsonl", log.data), ("report.html", Data(page.html.utf8))]
            for (index, task) in trained.tasks.enumerated() {
                var card = ModelCard(
                    index, of: job.run,
                    .init(
                        task: task.task.task, labelCounts: task.task.labelCounts, loss: task.task.loss,
                        trainedParameters: report.trainedParameters),
                    scores: report.best?.taskScores.first { $0.task == task.name }?.scores, kept: kept,
                    command: job.command, baseModel: baseName, encoder: encoder)
                card.baseline = baselines.first { $0.task == task.name }?.comparison
                try task.task.task.write(
                    to: job.output.folder(of: task.name), card: card.markdown, record: trained.record,
                    companions: job.output.isOneFolder ? companions : [])
            }
            if !job.output.isOneFolder {
                try TaskAdapter.write(companions, record: trained.record, beside: job.output.folder)
            }
        }

        private func page(
            _ trained: TrainedRun, _ model: AdaptedModel, seconds: Double,
            _ baselines: [(task: String, comparison: BaselineComparison)], _ note: String?
        ) throws -> ReportPage {
            let output = job.output
            var record = try RunRecord(
                name: output.folder.standardizedFileURL.lastPathComponent, baseModel: baseName, job.run, job.plan,
                trained, log, on: model, program: GraftVersion.program, command: job.command, seconds: seconds,
                peakMemory: PeakMemory.bytes,
                machine: "\(Kernels.chosen ?? "") kernels, \(Parallel.threads) threads, \(encoder.precision.rawValue)")
            record.end = Date()
            if let note { record.notes.insert(note, at: 0) }
            for index in record.tasks.indices {
                record.tasks[index].baseline = baselines.first { $0.task == record.tasks[index].name }
                    .flatMap { BaselineRecord($0.comparison) }
            }
            if output.keeps(job.run.stages.map(\.name)) {
                for index in record.stages.indices {
                    let folder = output.folder(of: "", stage: index + 1, record.stages[index].name)
                    record.stages[index].folder = "stages/" + folder.lastPathComponent
                }
            }
            return ReportPage(record)
        }
    }
}
