import Graft

/// How a run looks on standard output.
extension TrainedRun {
    /// What `graft train --json` prints: of one task as ever; of several, or of several stages, these too.
    func json(
        output: String, precision: Precision, peakMemory: Int,
        baselines: [(task: String, comparison: BaselineComparison)] = []
    ) -> JSONText {
        guard case .object(var fields) = report.json(output: output, precision: precision, peakMemory: peakMemory)
        else {
            preconditionFailure("a report is an object")
        }
        if tasks.count > 1 {
            let scores = report.best?.taskScores ?? []
            fields.append(
                (
                    "tasks",
                    .object(
                        tasks.map { task in (task.name, scores.first { $0.task == task.name }?.scores.json ?? .null) })
                ))
        }
        if report.stages.count > 1 {
            fields.append(("best_stage", report.bestStage.map { .integer($0) } ?? .null))
            fields.append(
                (
                    "stages",
                    .array(
                        report.stages.map { stage in
                            .object([
                                ("name", .string(stage.name)), ("epochs", .integer(stage.epochs.count)),
                                ("best_epoch", stage.bestEpoch.map { .integer($0) } ?? .null),
                                ("trained_parameters", .integer(stage.trained.values.reduce(0, +))),
                                ("seconds", .double(stage.seconds)),
                                (
                                    "scores",
                                    .object(
                                        (stage.best?.taskScores ?? []).map {
                                            ($0.task, .double($0.scores.headline.value))
                                        })
                                ),
                            ])
                        })
                ))
        }
        if !baselines.isEmpty {
            fields.append(("heads_only", .object(baselines.map { ($0.task, $0.comparison.json) })))
        }
        return .object(fields)
    }

    /// For people.
    func summary(
        _ output: TrainingOutput, baselines: [(task: String, comparison: BaselineComparison)] = []
    ) -> [String] {
        var lines: [String] = []
        if let task = report.harmedTask { lines.append("stopped: the score of \(task) fell further than it may") }
        if report.isInterrupted {
            lines.append(
                report.bestEpoch.map { "stopped; kept epoch \($0), the best so far" }
                    ?? "stopped before the end of the first epoch; kept the state of step \(report.steps)")
        } else if let best = report.bestEpoch {
            let place = report.stages.count > 1 ? report.bestStage.map { ", in stage \($0)" } ?? "" : ""
            // Where evaluations have an interval of their own, the one that was kept is named by its step.
            let areEpochs = report.stages.allSatisfy { $0.epochs.map(\.epoch) == Array(1..<$0.epochs.count + 1) }
            let step = areEpochs ? nil : report.best?.step
            lines.append(
                step.map { "kept the state of step \($0)\(place)" }
                    ?? "kept epoch \(best) of \(report.epochs.count)\(place)"
            )
        }
        lines.append(
            "trained \(HumanUnits.count(report.trainedParameters)) parameters in \(HumanUnits.duration(report.seconds)), "
                + "\(HumanUnits.count(Int(report.tokensPerSecond))) tokens/s, "
                + "peak memory \(HumanUnits.bytes(PeakMemory.bytes))")
        if report.stages.count > 1 { lines += stageTable }
        for task in report.best?.taskScores ?? [] {
            if tasks.count > 1 { lines += ["", "\(task.task):"] }
            lines += task.scores.lines
            if let baseline = baselines.first(where: { $0.task == task.task }) {
                lines += ["", "\(baseline.comparison)"]
            }
        }
        if !output.isOneFolder {
            if report.stages.count > 1 { lines.append("wrote \(output.folder.appending(path: "stages").relativePath)") }
            lines.append("wrote \(output.folder.appending(path: "report.html").relativePath)")
        }
        for task in tasks { lines.append("wrote \(output.folder(of: task.name).relativePath)") }
        return lines
    }

    private var stageTable: [String] {
        var table = TextTable(
            ("stage", .left), ("trained numbers", .right), ("scores", .left), ("seconds", .right))
        for stage in report.stages {
            let scores = (stage.best?.taskScores ?? []).map { task in
                (tasks.count > 1 ? "\(task.task) " : "")
                    + "\(task.scores.headline.name) \(task.scores.headline.value.fixed(4))"
            }
            table.append(
                "\(stage.stage) \(stage.name)", HumanUnits.count(stage.trained.values.reduce(0, +)),
                scores.joined(separator: ", "), stage.seconds.fixed(1))
        }
        return table.lines
    }
}

extension BaselineComparison {
    /// `{"metric":…,"heads_only":…,"trained":…,"difference":…,"interval":[…],"texts":…,"verdict":…}`
    fileprivate var json: JSONText {
        .object([
            ("metric", .string(metric)), ("heads_only", .double(baseline)), ("trained", .double(trained)),
            ("difference", .double(difference)),
            ("interval", interval.map { .array([.double($0.lowerBound), .double($0.upperBound)]) } ?? .null),
            ("texts", .integer(texts)), ("verdict", .string(verdict.rawValue)),
        ])
    }
}
