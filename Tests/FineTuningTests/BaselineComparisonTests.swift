import FineTuning
import Testing

@Suite struct BaselineComparisonTests {
    private func comparison(
        _ interval: ClosedRange<Double>?, metric: String = "accuracy"
    ) -> BaselineComparison {
        BaselineComparison(metric: metric, baseline: 0.8, trained: 0.85, interval: interval, texts: 200)
    }

    @Test func whereTheIntervalHasZeroInItTheHeadAloneDoesAsWell() {
        #expect(comparison(-0.01...0.06).verdict == .noBetter)
        #expect(comparison(0...0.06).verdict == .noBetter)
        #expect(comparison(nil).verdict == .noBetter)
        #expect(comparison(0.01...0.06).verdict == .better && comparison(-0.2...(-0.01)).verdict == .worse)
    }

    @Test func ofAnErrorLessIsBetter() {
        #expect(comparison(0.01...0.06, metric: "mae").verdict == .worse)
        #expect(comparison(-0.06...(-0.01), metric: "mae").verdict == .better)
    }

    @Test func aLineSaysItPlainly() {
        #expect(
            comparison(-0.01...0.06).description
                == "no better than heads only: accuracy 0.8500 against 0.8000, +0.0500 "
                + "(95 % interval -0.0100 to +0.0600, 200 texts)")
        #expect(comparison(0.01...0.06).description.hasPrefix("better than heads only: "))
    }
}
