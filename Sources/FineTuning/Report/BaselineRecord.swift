/// A task's score beside that of its head trained alone on the frozen encoder, on the same evaluation texts.
public struct BaselineRecord: Sendable, Equatable {
    /// The figure compared: "accuracy".
    public var metric: String
    /// That of the head alone, and of the run.
    public var headAlone, trained: Double
    /// Where the difference, trained − head alone, lies with 95 % confidence.
    public var interval: ClosedRange<Double>
    /// Seconds that the baseline took.
    public var seconds: Double

    /// The given figures.
    public init(
        metric: String, headAlone: Double, trained: Double, interval: ClosedRange<Double>, seconds: Double
    ) {
        (self.metric, self.headAlone, self.trained) = (metric, headAlone, trained)
        (self.interval, self.seconds) = (interval, seconds)
    }

    /// What a comparison came to; nil where it has no interval.
    public init?(_ comparison: BaselineComparison) {
        guard let interval = comparison.interval else { return nil }
        self.init(
            metric: comparison.metric, headAlone: comparison.baseline, trained: comparison.trained,
            interval: interval, seconds: comparison.seconds)
    }
}
