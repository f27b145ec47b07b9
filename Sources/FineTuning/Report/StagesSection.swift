/// The stages side by side: what each trained, what it cost, and what it brought.
struct StagesSection {
    let record: RunRecord

    var markup: Markup {
        guard record.stages.count > 1 else { return "" }
        let facts: [Markup] = sentences.map { "<li>\($0)</li>\n" }
        return """
            <section>
            <h2>Stages side by side</h2>
            <ul class="facts">
            \(facts)</ul>
            \(table)\(cost)</section>

            """
    }

    /// What each stage after the first brought: the words that the issue of when to stop turns on.
    private var sentences: [Markup] {
        let first = record.stages[0]
        return record.stages.enumerated().dropFirst().map { index, stage in
            let before = record.stages[index - 1]
            let overFirst = gains(of: stage, over: first)
            let overLast = index > 1 ? gains(of: stage, over: before) : nil
            let factor = Double(stage.parameters) / Double(max(1, first.parameters))
            var words = "stage \(index + 1), \(stage.name): "
            words += overFirst.map { "\($0) over \(called(first, 1))" } ?? "not scored"
            if let overLast { words += ", \(overLast) over stage \(index)" }
            return "\(words); \(ReportNumber.times(factor)) the parameters of stage 1"
        }
    }

    private func called(_ stage: StageRecord, _ number: Int) -> String {
        stage.trains == "heads" ? "heads only" : "stage \(number) (\(stage.name))"
    }

    /// "+0.8 points", or of several tasks "topics +0.8 points, sentiment −0.2 points"; nil if nothing can be compared.
    private func gains(of stage: StageRecord, over other: StageRecord) -> String? {
        let gains = record.tasks.compactMap { task -> String? in
            guard let new = stage.scores[task.name], let old = other.scores[task.name] else { return nil }
            let difference = ReportNumber.difference(new - old, of: stage.metrics[task.name] ?? "")
            return record.tasks.count == 1 ? difference : "\(task.name) \(difference)"
        }
        return gains.isEmpty ? nil : gains.joined(separator: ", ")
    }

    private var cost: Markup {
        guard record.stages.contains(where: { $0.cost != nil }) else { return "" }
        return """
            <p class="muted">Cost: the share of the operations of full fine-tuning, forward and backward, that a step takes once \
            the states of frozen layers are kept.</p>

            """
    }

    private var table: Markup {
        let scored = record.tasks.filter { task in record.stages.contains { $0.scores[task.name] != nil } }
        let hasCost = record.stages.contains { $0.cost != nil }
        let hasFolders = record.stages.contains { $0.folder != nil }
        var columns: [ReportTable.Column] = [
            .init(title: "stage"), .init(title: "trains", isProse: true), .init(title: "parameters", isNumber: true),
        ]
        columns += scored.map { task in
            let metric = MetricName.words(record.stages.compactMap { $0.metrics[task.name] }.first ?? "score")
            return .init(title: record.tasks.count == 1 ? metric : "\(task.name): \(metric)", isNumber: true)
        }
        columns += [
            .init(title: "epochs", isNumber: true), .init(title: "time", isNumber: true),
            .init(title: "tokens/s", isNumber: true),
        ]
        if hasCost { columns.append(.init(title: "cost", isNumber: true)) }
        if hasFolders { columns.append(.init(title: "saved as")) }
        let rows: [[Markup]] = record.stages.enumerated().map { index, stage in
            let steps = record.steps.filter { $0.stage == index + 1 }
            let seconds = steps.reduce(0) { $0 + $1.seconds }
            let tokens = Double(steps.reduce(0) { $0 + $1.tokens })
            var cells: [Markup] = [
                "\(index + 1) \(stage.name)", "\(stage.trains)", "\(HumanUnits.count(stage.parameters))",
            ]
            cells += scored.map { task in stage.scores[task.name].map { "\(ReportNumber.score($0))" } ?? "–" }
            let kept: String = stage.bestEpoch.map { ", kept \($0)" } ?? ""
            cells.append("\(stage.epochsDone) of \(stage.epochs)\(kept)")
            cells.append("\(HumanUnits.duration(seconds))")
            cells.append(seconds > 0 ? "\(HumanUnits.count(Int(tokens / seconds)))" : "–")
            if hasCost { cells.append(stage.cost.map { "\(ReportNumber.percent($0))" } ?? "–") }
            if hasFolders { cells.append(stage.folder.map { "<code>\($0)</code>" } ?? "–") }
            return cells
        }
        return ReportTable(caption: "Stages", columns: columns, rows: rows).markup
    }
}
