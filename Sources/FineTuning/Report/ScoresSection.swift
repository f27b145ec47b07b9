/// How well each task does on its held-out texts.
struct ScoresSection {
    let record: RunRecord

    var markup: Markup {
        let parts: [Markup] = record.tasks.enumerated().compactMap { index, task in
            part(task, id: "scatter\(index + 1)")
        }
        if parts.isEmpty {
            return """
                <section>
                <h2>Scores</h2>
                <p>There were no held-out texts to score on. With <code>--eval</code> each epoch is scored and the best one kept.</p>
                </section>

                """
        }
        return "<section>\n<h2>Scores on the held-out texts</h2>\n\(parts)</section>\n"
    }

    private func part(_ task: TaskRecord, id: String) -> Markup? {
        guard let scores = task.scores else { return nil }
        let heading: Markup = record.tasks.count == 1 ? "" : "<h3><bdi>\(task.name)</bdi></h3>\n"
        let figures = scores.values.map { "\(MetricName.words($0.name)) \(ReportNumber.score($0.value))" }
        let source = task.evaluation.map { ", on \(HumanUnits.count($0.count)) texts of \($0.file)" } ?? ""
        return heading + (task.baseline.map { BaselineVerdict($0).sentence } ?? "")
            + "<p>\(figures.joined(separator: ", "))\(source).</p>\n" + details(scores) + scatter(task, id: id)
    }

    private func details(_ scores: Scores) -> Markup {
        switch scores {
        case .classification(let metrics):
            ConfusionTable(labels: metrics.labels, counts: metrics.confusion).markup
                + ScoresSection.table("Scores of each label", "label", "texts", metrics.perLabel)
        case .multilabel(let metrics):
            ScoresSection.table("Scores of each label", "label", "texts", metrics.perLabel)
        case .tagging(let metrics):
            ScoresSection.table(
                "Scores of each kind of entity", "entity", "entities",
                metrics.types.map {
                    LabelScores($0.type, correct: $0.correct, predicted: $0.predicted, support: $0.support)
                })
        case .ranking(let metrics):
            "<p>Each first text looks for its own among \(HumanUnits.count(metrics.candidates)) texts.</p>\n"
        case .regression, .similarity: ""
        }
    }

    private static func table(
        _ caption: String, _ first: String, _ last: String, _ rows: [LabelScores]
    ) -> Markup {
        let numbers = ["precision", "recall", "F1", last].map { ReportTable.Column(title: $0, isNumber: true) }
        return ReportTable(
            caption: caption, columns: [.init(title: first)] + numbers,
            rows: rows.map { row in
                [
                    "<bdi>\(row.label)</bdi>", "\(ReportNumber.score(row.precision))",
                    "\(ReportNumber.score(row.recall))",
                    "\(ReportNumber.score(row.f1))", "\(HumanUnits.count(row.support))",
                ]
            }
        ).markup
    }

    private func scatter(_ task: TaskRecord, id: String) -> Markup {
        let numbers = task.outcomes.compactMap(\.numbers)
        if numbers.isEmpty { return "" }
        return
            "<div class=\"single\">\(ScatterChart(title: "Answers and known numbers", numbers: numbers).markup(id: id))</div>\n"
    }
}
