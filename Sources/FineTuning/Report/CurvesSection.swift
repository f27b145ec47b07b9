/// How losses, scores and learning rates went, step by step.
struct CurvesSection {
    let record: RunRecord

    /// Points of a curve at most: more are not seen, and make the page large.
    private static let limit = 240

    var markup: Markup {
        guard let last = record.steps.last else {
            return "<section>\n<h2>How it went</h2>\n<p>No step was done.</p>\n</section>\n"
        }
        let charts = lossCharts(last) + scoreCharts(last) + rateCharts(last)
        let figures: [Markup] = charts.enumerated().map { $1.markup(id: "curve\($0 + 1)") }
        return """
            <section>
            <h2>How it went</h2>
            <div class="charts">
            \(figures)</div>
            </section>

            """
    }

    /// Where each stage begins: before its first step.
    private var stages: [(start: Double, name: String)] {
        var stages: [(start: Double, name: String)] = []
        var seen = 0
        for step in record.steps where step.stage > seen {
            seen = step.stage
            stages.append(
                (Double(step.step - 1), record.stages.indices.contains(seen - 1) ? record.stages[seen - 1].name : ""))
        }
        return stages
    }

    private func title(_ words: String, _ task: TaskRecord) -> String {
        record.tasks.count == 1 ? words : "\(task.name): " + words.prefix(1).lowercased() + words.dropFirst()
    }

    private func lossCharts(_ last: StepRecord) -> [LineChart] {
        record.tasks.compactMap { task in
            let points = record.steps.compactMap { step in
                step.losses[task.name].map { (step: Double(step.step), value: $0) }
            }
            guard let first = points.first, let final = points.last else { return nil }
            let mean = CurvesSection.mean(points)
            let isNoisy = CurvesSection.reach(of: points.count) > 0
            var series = [
                LineChart.Series(name: isNoisy ? "mean of steps nearby" : "", points: CurvesSection.thinned(mean))
            ]
            if isNoisy {
                series.insert(.init(name: "each step", points: CurvesSection.thinned(points), style: .pale), at: 0)
            }
            return LineChart(
                title: title("Training loss", task),
                summary:
                    "The loss of \(task.name) over \(points.count) steps: from \(ReportNumber.score(first.value)) at step "
                    + "\(Int(first.step)) to \(ReportNumber.score(final.value)) at step \(Int(final.step)).",
                series: series, stages: stages, end: Double(last.step))
        }
    }

    private func scoreCharts(_ last: StepRecord) -> [LineChart] {
        record.tasks.compactMap { task in
            let rows = record.evaluations.filter { $0.task == task.name }
            guard let metric = task.scores?.values.first?.name ?? rows.first?.scores.keys.sorted().first else {
                return nil
            }
            let points = rows.compactMap { row in row.scores[metric].map { (step: Double(row.step), value: $0) } }
            guard !points.isEmpty else { return nil }
            let kept = rows.last { $0.isBest && $0.scores[metric] != nil && $0.stage == record.keptStage }
            let mark = kept.flatMap { row in
                row.scores[metric].map { (step: Double(row.step), value: $0, label: "kept: \(ReportNumber.score($0))") }
            }
            let name = MetricName.words(metric)
            return LineChart(
                title: title("Held-out \(name)", task),
                summary: "The \(name) of \(task.name) on held-out texts, evaluated \(points.count) times: "
                    + points.map { "\(ReportNumber.score($0.value)) at step \(Int($0.step))" }.prefix(12).joined(
                        separator: ", ")
                    + (points.count > 12 ? ", …" : "") + ".",
                series: [.init(name: "", points: points, style: .dots)], stages: stages, end: Double(last.step),
                kept: mark)
        }
    }

    private func rateCharts(_ last: StepRecord) -> [LineChart] {
        let names = Set(record.steps.flatMap(\.learningRates.keys)).sorted()
        guard !names.isEmpty else { return [] }
        let series = names.enumerated().map { index, name in
            let points = record.steps.compactMap { step in
                step.learningRates[name].map { (step: Double(step.step), value: $0) }
            }
            let peak = ReportNumber.short(points.map(\.value).max() ?? 0)
            return LineChart.Series(
                name: "\(name), up to \(peak)", points: CurvesSection.picked(points),
                color: index % LineChart.colors + 1)
        }
        let highest = record.steps.flatMap(\.learningRates.values).max() ?? 0
        return [
            LineChart(
                title: names.count == 1 ? "Learning rate (\(names[0]))" : "Learning rates by group",
                summary:
                    "The learning rate of \(names.joined(separator: ", ")); the highest is \(ReportNumber.short(highest)).",
                series: series, stages: stages, end: Double(last.step))
        ]
    }

    /// How many neighbours to either side a mean is taken over: a twentieth of all points in the whole, of few none.
    private static func reach(of count: Int) -> Int { count / 40 }

    /// The mean of each point and its neighbours. It does not look over the end of a curve.
    static func mean(_ points: [(step: Double, value: Double)]) -> [(step: Double, value: Double)] {
        let reach = CurvesSection.reach(of: points.count)
        var sums = [0.0]
        for point in points { sums.append((sums.last ?? 0) + point.value) }
        return points.indices.map { index in
            let (start, end) = (max(0, index - reach), min(points.count, index + reach + 1))
            return (points[index].step, (sums[end] - sums[start]) / Double(end - start))
        }
    }

    /// At most so many points: each the mean of those that it stands for.
    static func thinned(_ points: [(step: Double, value: Double)]) -> [(step: Double, value: Double)] {
        let every = (points.count + limit - 1) / limit
        guard every > 1 else { return points }
        var thinned: [(step: Double, value: Double)] = []
        for start in stride(from: 0, to: points.count, by: every) {
            let part = points[start..<min(start + every, points.count)]
            let steps = part.reduce(0.0) { $0 + $1.step }
            let values = part.reduce(0.0) { $0 + $1.value }
            thinned.append((steps / Double(part.count), values / Double(part.count)))
        }
        return thinned
    }

    /// At most about so many of the points, where the mean of several would round their corners off.
    private static func picked(_ points: [(step: Double, value: Double)]) -> [(step: Double, value: Double)] {
        let every = max(1, (points.count + limit - 1) / limit)
        let places = points.indices.filter { $0 % every == 0 || $0 == points.count - 1 }
        return places.map { points[$0] }
    }
}
