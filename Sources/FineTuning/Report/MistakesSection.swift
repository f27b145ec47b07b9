/// The texts that each task was most mistaken about: often the quickest way to see what is wrong with the labels.
struct MistakesSection {
    let record: RunRecord

    /// Texts that are shown of a task, and letters of each.
    private static let (limit, letters) = (10, 360)

    var markup: Markup {
        let parts: [Markup] = record.tasks.filter { !$0.outcomes.isEmpty }.map(part)
        return parts.isEmpty ? "" : "<section>\n<h2>Most mistaken examples</h2>\n\(parts)</section>\n"
    }

    private func part(_ task: TaskRecord) -> Markup {
        let heading: Markup = record.tasks.count == 1 ? "" : "<h3><bdi>\(task.name)</bdi></h3>\n"
        let shown = task.outcomes.mostMistaken(MistakesSection.limit)
        let judged = task.outcomes.compactMap(\.isRight)
        if shown.isEmpty {
            return heading + "<p>Every one of the \(HumanUnits.count(judged.count)) answers is right.</p>\n"
        }
        let wrong = judged.count { !$0 }
        let counted =
            judged.isEmpty
            ? "The answers that are furthest off."
            : "\(HumanUnits.count(wrong)) of \(HumanUnits.count(judged.count)) answers are not right; these are the ones of the highest loss."
        let texts = task.evaluation?.count ?? 0
        let drawn: Markup =
            task.outcomes.count < texts
            ? " Looked at: \(HumanUnits.count(task.outcomes.count)) of \(HumanUnits.count(texts)) texts, one every so often."
            : ""
        let cards: [Markup] = shown.map { card($0, task) }
        return heading + "<p>\(counted)\(drawn)</p>\n<ol class=\"cards\">\n\(cards)</ol>\n"
    }

    private func card(_ outcome: ExampleOutcome, _ task: TaskRecord) -> Markup {
        let others: [Markup] = [outcome.input.pair, outcome.input.negative].compactMap { $0 }.map { text in
            "<p dir=\"auto\">\(cut(text))</p>\n"
        }
        let place = task.evaluation.map { "\($0.file), line \(outcome.line)" } ?? "line \(outcome.line)"
        return """
            <li class="card">
            <p dir="auto">\(cut(outcome.input.text))</p>
            \(others)<dl>
            <div><dt>known</dt><dd><bdi>\(outcome.expected)</bdi></dd></div>
            <div><dt>answered</dt><dd><bdi>\(outcome.answered)</bdi></dd></div>
            <div><dt>loss</dt><dd>\(ReportNumber.score(outcome.loss))</dd></div>
            <div><dt>in</dt><dd>\(place)</dd></div>
            </dl>
            </li>

            """
    }

    private func cut(_ text: String) -> String {
        text.count > MistakesSection.letters ? text.prefix(MistakesSection.letters) + "…" : text
    }
}
