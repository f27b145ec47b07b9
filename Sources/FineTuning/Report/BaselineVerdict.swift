/// What a baseline says about a task, in words: whether training more than the head was worth it.
struct BaselineVerdict {
    private let baseline: BaselineRecord

    init(_ baseline: BaselineRecord) { self.baseline = baseline }

    private enum Outcome { case better, level, worse }

    /// Better and worse are only said where the interval does not hold zero.
    private var outcome: Outcome {
        let sign: Double = Scores.isBetterLower(baseline.metric) ? -1 : 1
        let ends = [baseline.interval.lowerBound * sign, baseline.interval.upperBound * sign]
        return ends.allSatisfy { $0 > 0 } ? .better : ends.allSatisfy { $0 < 0 } ? .worse : .level
    }

    private var difference: String {
        ReportNumber.difference(baseline.trained - baseline.headAlone, of: baseline.metric)
    }

    /// In a few words.
    var short: Markup {
        switch outcome {
        case .better: "<span class=\"good\">\(difference) over the head alone</span>"
        case .level: "no better than the head alone (\(difference))"
        case .worse: "<span class=\"bad\">worse than the head alone (\(difference))</span>"
        }
    }

    /// In a sentence or two.
    var sentence: Markup {
        let words =
            switch outcome {
            case .better: "Better than the head alone on the frozen encoder"
            case .level: "No better than the head alone on the frozen encoder"
            case .worse: "Worse than the head alone on the frozen encoder"
            }
        let metric = MetricName.words(baseline.metric)
        func bound(_ value: Double) -> String { ReportNumber.difference(value, of: baseline.metric) }
        return """
            <p><strong>\(words):</strong> \(metric) \(ReportNumber.score(baseline.trained)) against \
            \(ReportNumber.score(baseline.headAlone)), \(difference) (95 % interval \(bound(baseline.interval.lowerBound)) to \
            \(bound(baseline.interval.upperBound)), by resampling the evaluation texts in pairs). Training the head alone took \
            \(HumanUnits.duration(baseline.seconds)).</p>

            """
    }
}
