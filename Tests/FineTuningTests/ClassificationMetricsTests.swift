import FineTuning
import Foundation
import TestSupport
import Testing

@Suite struct ClassificationMetricsTests {
    private struct Golden: Decodable {
        let cases: [Case]
        struct Case: Decodable {
            let name: String
            let labels: [String]
            let targets, predictions: [Int]
            let confusion: [[Int]]
            let accuracy, macro_f1: Double
            let interval, precision, recall, f1: [Double]
            let support: [Int]
        }
    }

    @Test func everyScoreEqualsScikitLearn() throws {
        let url = Fixtures.url("data/classification.json")
        let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
        #expect(golden.cases.count >= 8)
        for expected in golden.cases {
            let metrics = ClassificationMetrics(
                targets: expected.targets, predictions: expected.predictions, labels: expected.labels)
            #expect(metrics.confusion == expected.confusion, "\(expected.name)")
            #expect(metrics.examples == expected.targets.count, "\(expected.name)")
            #expect(metrics.perLabel.map(\.label) == expected.labels, "\(expected.name)")
            #expect(metrics.perLabel.map(\.support) == expected.support, "\(expected.name)")
            let pairs = [
                ([metrics.accuracy, metrics.macroF1], [expected.accuracy, expected.macro_f1]),
                (metrics.perLabel.map(\.precision), expected.precision),
                (metrics.perLabel.map(\.recall), expected.recall), (metrics.perLabel.map(\.f1), expected.f1),
                ([metrics.accuracyInterval.lowerBound, metrics.accuracyInterval.upperBound], expected.interval),
            ]
            for (found, wanted) in pairs {
                #expect(found.count == wanted.count, "\(expected.name)")
                for (a, b) in zip(found, wanted) { #expect(abs(a - b) < 1e-12, "\(expected.name): \(a), \(b)") }
            }
        }
    }
}
