import Foundation

extension RunRecord {
    /// What a run came to. `model` holds its tasks, as training leaves it: where a run that was resumed does not know what they
    /// answered to their evaluation texts, they answer once more, for the examples that they are most mistaken about.
    ///
    /// - Throws: what ``AdaptedModel/outcomes(_:on:)`` throws.
    public init(
        name: String, baseModel: String, _ run: TrainingRun, _ plan: TrainingPlan, _ trained: TrainedRun,
        _ log: MetricsLog, on model: AdaptedModel, program: String, command: String, seconds: Double, peakMemory: Int,
        machine: String
    ) throws {
        let report = trained.report
        let kept = report.best?.taskScores ?? []
        let tasks = try zip(run.tasks, trained.tasks).map { task, outcome in
            var record = TaskRecord(
                name: task.name, objective: outcome.task.task.head?.objective ?? task.objective ?? .classification,
                head: outcome.task.task.head.map { RunRecord.words(for: $0) } ?? "no head",
                training: task.training.map(TaskRecord.Texts.init),
                evaluation: task.evaluation.map(TaskRecord.Texts.init),
                scores: kept.first { $0.task == task.name }?.scores)
            if let data = task.evaluation {
                let known = outcome.task.evaluationOutputs
                record.outcomes = try model.outcomes(
                    task.name, on: known == nil ? data.evenly(RunRecord.outcomeLimit) : data, from: known)
            }
            return record
        }
        let stages = zip(report.stages, plan.stages).map { done, planned in
            let best = done.best?.taskScores ?? []
            return StageRecord(
                name: done.name, trains: planned.trains, groups: planned.groups, epochs: planned.epochs,
                epochsDone: done.epochs.count, bestEpoch: done.bestEpoch,
                scores: Dictionary(
                    best.map { ($0.task, $0.scores.headline.value) }, uniquingKeysWith: { first, _ in first }),
                metrics: Dictionary(
                    best.map { ($0.task, $0.scores.names[0]) }, uniquingKeysWith: { first, _ in first }),
                cost: planned.cost.laterEpochs)
        }
        // A run that is stopped in its first epoch has come to no stage's end.
        let first = plan.stages[0]
        let begun = StageRecord(
            name: first.name, trains: first.trains, groups: first.groups, epochs: first.epochs, epochsDone: 0,
            bestEpoch: nil)
        self.init(
            name: name, baseModel: baseModel, encoder: plan.encoder, encoderParameters: plan.encoderParameters,
            program: program, command: command, tasks: tasks, stages: stages.isEmpty ? [begun] : stages,
            steps: log.steps,
            evaluations: log.evaluations, seconds: seconds, peakMemory: peakMemory, machine: machine)
        settings = RunRecord.groups(plan.settings, run)
        keptStage = report.bestStage
        isInterrupted = report.isInterrupted
        notes = RunRecord.notes(report, log, plan)
    }

    /// Texts that are looked at for mistakes: enough to find the worst kinds of them, few enough to take no time.
    private static let outcomeLimit = 2000

    /// Settings under the stage, the task or the adapter that they are of, as their names begin; others first.
    private static func groups(_ settings: [(name: String, value: String)], _ run: TrainingRun) -> [SettingGroup] {
        let owners =
            run.stages.enumerated().map { (title: "Stage \($0 + 1), \($1.name)", start: "stage \($1.name)'s ") }
            + run.tasks.map { (title: "Task \($0.name)", start: "\($0.name)'s ") }
            + run.adapters.map { (title: "Adapter \($0.name)", start: "\($0.name)'s ") }
        var groups = [SettingGroup("The run", [])] + owners.map { SettingGroup($0.title, []) }
        for (name, value) in settings {
            let place = owners.firstIndex { name.hasPrefix($0.start) }
            let own = place.map { String(name.dropFirst(owners[$0].start.count)) } ?? name
            groups[place.map { $0 + 1 } ?? 0].settings.append(Setting(own, value))
        }
        return groups.filter { !$0.settings.isEmpty }
    }

    private static func notes(_ report: TrainingReport, _ log: MetricsLog, _ plan: TrainingPlan) -> [String] {
        var notes: [String] = []
        if let task = report.harmedTask {
            notes.append("The run was stopped because the score of \(task) fell further than it may.")
        }
        if let stage = report.bestStage, stage < report.stages.count {
            notes.append(
                "Kept is the state of stage \(stage), \(plan.stages[stage - 1].name): later ones did not do better.")
        }
        if !report.unmoved.isEmpty {
            notes.append("Training did not move \(report.unmoved.joined(separator: ", ")).")
        }
        if let first = log.steps.first?.step, first > 1 {
            notes.append("The metrics of steps 1 to \(first - 1), before the run was resumed, are missing.")
        }
        return notes
    }

    private static func words(for head: HeadFiles) -> String {
        head.labels.isEmpty ? "\(head.shape)" : "\(head.shape) over \(head.labels.count) labels"
    }
}

extension Dataset {
    /// So many of its examples at most, one every so often.
    fileprivate func evenly(_ limit: Int) -> Dataset {
        guard count > limit else { return self }
        return Dataset((0..<limit).map { examples[$0 * count / limit] }, source: source)
    }
}

extension TaskRecord.Texts {
    fileprivate init(_ data: Dataset) {
        self.init(file: URL(filePath: data.source).lastPathComponent, count: data.count)
    }
}
