import Foundation

/// The top of a report: what was trained, on what, and how well it does.
struct HeadlineSection {
    let record: RunRecord

    var markup: Markup {
        """
        <header>
        <p class="kicker">Graft training report\(end)</p>
        <h1>\(record.name)</h1>
        <p class="lead">\(sentence)</p>
        \(notes)\(tiles)</header>

        """
    }

    private var end: String {
        guard let end = record.end else { return "" }
        let format = Date.ISO8601FormatStyle(dateTimeSeparator: .space).year().month().day().time(
            includingFractionalSeconds: false)
        return " · " + end.formatted(format) + " UTC"
    }

    /// What was trained, in a sentence or two.
    private var sentence: Markup {
        let tasks = record.tasks.map(\.name)
        let subject: String =
            tasks.count == 1
            ? "\(record.tasks[0].objective.rawValue.capitalized) on the encoder "
            : "\(tasks.count) tasks (\(tasks.joined(separator: ", "))) on the encoder "
        return "\(subject)<code>\(record.baseModel)</code> (\(record.encoder)). \(trained)"
    }

    private var trained: Markup {
        let stages = record.stages
        func size(_ stage: StageRecord) -> String {
            let share = Double(stage.parameters) / Double(max(1, record.encoderParameters))
            return "\(HumanUnits.count(stage.parameters)) numbers, \(ReportNumber.percent(share)) of the encoder’s"
        }
        if stages.count == 1 {
            return "Trained: \(stages[0].trains), \(size(stages[0])) \(HumanUnits.count(record.encoderParameters))."
        }
        let words = stages.map { "\($0.trains), \(HumanUnits.count($0.parameters)) numbers" }.joined(separator: "; ")
        return
            "Trained in \(stages.count) stages: \(words). The encoder has \(HumanUnits.count(record.encoderParameters))."
    }

    private var notes: Markup {
        var notes = record.notes
        if record.isInterrupted {
            notes.insert("The run was stopped before its end; what is here is the best state until then.", at: 0)
        }
        if notes.isEmpty { return "" }
        let lines: [Markup] = notes.map { "<p>\($0)</p>" }
        return "<div class=\"note\">\(lines)</div>\n"
    }

    private var tiles: Markup {
        let tiles: [Markup] = record.tasks.compactMap(tile)
        return tiles.isEmpty ? "" : "<ul class=\"tiles\">\n\(tiles)</ul>\n"
    }

    private func tile(_ task: TaskRecord) -> Markup? {
        guard let headline = task.scores?.values.first else { return nil }
        var about = task.evaluation.map { "on \(HumanUnits.count($0.count)) held-out texts" } ?? ""
        if headline.name == "accuracy", let interval = task.scores?.classification?.accuracyInterval {
            about +=
                "; 95 % interval \(ReportNumber.score(interval.lowerBound)) to \(ReportNumber.score(interval.upperBound))"
        }
        let verdict: Markup = task.baseline.map { "<p class=\"about\">\(BaselineVerdict($0).short)</p>\n" } ?? ""
        return """
            <li class="tile">
            <p class="name"><bdi>\(task.name)</bdi>: \(MetricName.words(headline.name))</p>
            <p class="value">\(ReportNumber.score(headline.value))</p>
            <p class="about">\(about)</p>
            \(verdict)</li>

            """
    }
}
