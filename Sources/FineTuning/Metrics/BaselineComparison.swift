import Foundation
import Matrices

/// Whether training came to more than a head alone does on the frozen encoder, on the same evaluation texts.
public struct BaselineComparison: Sendable, Equatable {
    /// What was compared, by its name in JSON: "accuracy", "entity_f1".
    public let metric: String
    /// The score of the head alone, and that of what was trained.
    public let baseline, trained: Double
    /// Where the difference, trained − baseline, lies with 95 % confidence, by a paired bootstrap over the texts; nil where no draw
    /// of the texts has a score.
    public let interval: ClosedRange<Double>?
    /// Texts (of tagging: sentences) that both were scored on.
    public let texts: Int
    /// Seconds that training the head alone took.
    public let seconds: Double

    /// What the comparison came to.
    public enum Verdict: String, Sendable {
        /// Better than the head alone, beyond what chance would give.
        case better
        /// The interval has 0 in it: the head alone does as well.
        case noBetter = "no better"
        /// Worse, beyond what chance would give.
        case worse
    }

    /// The given figures.
    public init(
        metric: String, baseline: Double, trained: Double, interval: ClosedRange<Double>?, texts: Int,
        seconds: Double = 0
    ) {
        (self.metric, self.baseline, self.trained, self.interval) = (metric, baseline, trained, interval)
        (self.texts, self.seconds) = (texts, seconds)
    }

    /// trained − baseline
    public var difference: Double { trained - baseline }

    /// Whether the interval lies on one side of 0, and on which.
    public var verdict: Verdict {
        guard let interval, !interval.contains(0) else { return .noBetter }
        return (interval.lowerBound > 0) != Scores.isBetterLower(metric) ? .better : .worse
    }
}

extension BaselineComparison: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        let words =
            switch verdict {
            case .better: "better than heads only"
            case .noBetter: "no better than heads only"
            case .worse: "worse than heads only"
            }
        let range =
            interval.map {
                "95 % interval \(BaselineComparison.signed($0.lowerBound)) to \(BaselineComparison.signed($0.upperBound))"
            } ?? "no interval: no draw of the texts has a score"
        return
            "\(words): \(MetricName.words(metric)) \(String(format: "%.4f", trained)) against \(String(format: "%.4f", baseline)), "
            + "\(BaselineComparison.signed(difference)) (\(range), \(texts) texts)"
    }

    private static func signed(_ number: Double) -> String { String(format: "%+.4f", number) }
}

extension BaselineComparison {
    /// Compares the answers of a head that was trained alone with those of what was trained, by a score, nil for the headline.
    init(
        _ head: any Head, baseline: [Matrix], trained: [Matrix], _ texts: TrainingTexts, by metric: String?,
        seed: UInt64, seconds: Double
    ) {
        let (before, after) = (ScoredTexts(head, baseline, texts), ScoredTexts(head, trained, texts))
        func score(_ scores: Scores) -> Double? {
            // Another task of the run may be the one that has the score.
            metric.flatMap(scores.value) ?? scores.headline.value
        }
        let all = Array(before.units.indices)
        let scores = (before: before.scores(of: all), after: after.scores(of: all))
        let interval = PairedBootstrap(seed: seed).interval(texts: all.count) { units in
            guard let before = score(before.scores(of: units)), let after = score(after.scores(of: units)) else {
                return nil
            }
            return after - before
        }
        let name = metric.flatMap { scores.after.value(of: $0) == nil ? nil : $0 }
        self.init(
            metric: name ?? scores.after.names[0], baseline: score(scores.before) ?? .nan,
            trained: score(scores.after) ?? .nan, interval: interval, texts: all.count,
            seconds: seconds)
    }
}
