import FineTuning
import Foundation
import TestSupport
import Testing

@Suite struct TaggingMetricsTests {
    private struct Golden: Decodable {
        let cases: [Case]

        struct Case: Decodable {
            let name: String
            let targets, predictions: [[String]]
            let entities: [[Entity]]
            let precision, recall, f1, accuracy: Double
            let types: [String: [Double]]
        }

        /// `["person", 3, 4]`: a type, the first and the last word.
        struct Entity: Decodable {
            let span: TaggedSpan

            init(from decoder: any Decoder) throws {
                var fields = try decoder.unkeyedContainer()
                let type = try fields.decode(String.self)
                let (first, last) = (try fields.decode(Int.self), try fields.decode(Int.self))
                span = TaggedSpan(type: type, words: first..<last + 1)
            }
        }
    }

    private static func cases() throws -> [Golden.Case] {
        try JSONDecoder().decode(Golden.self, from: Data(contentsOf: Fixtures.url("tagging/entities.json"))).cases
    }

    @Test func findsTheEntitiesThatSeqevalFindsInAnySequence() throws {
        for golden in try TaggingMetricsTests.cases() {
            for (tags, entities) in zip(golden.predictions, golden.entities) {
                #expect(TaggedSpan.all(in: tags) == entities.map(\.span), "\(golden.name): \(tags)")
            }
        }
    }

    @Test func everyScoreEqualsSeqevals() throws {
        let cases = try TaggingMetricsTests.cases()
        #expect(cases.count > 60)
        for golden in cases {
            let scores = TaggingMetrics(targets: golden.targets, predictions: golden.predictions)
            var pairs = [
                ([scores.precision, scores.recall, scores.f1], [golden.precision, golden.recall, golden.f1]),
                ([scores.wordAccuracy], [golden.accuracy]),
            ]
            for type in scores.types {
                let found = [type.precision, type.recall, type.f1, Double(type.support)]
                pairs.append((found, try #require(golden.types[type.type], "\(golden.name): \(type.type)")))
            }
            #expect(scores.types.count == golden.types.count, "\(golden.name)")
            for (found, expected) in pairs {
                for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-12, "\(golden.name): \(a), \(b)") }
            }
        }
    }

    @Test func anEntityIsRightOnlyAsAWhole() {
        let scores = TaggingMetrics(
            targets: [["B-person", "I-person", "O", "B-place"]], predictions: [["B-person", "O", "O", "B-place"]])
        #expect((scores.precision, scores.recall, scores.f1) == (0.5, 0.5, 0.5))
        #expect(scores.wordAccuracy == 0.75)
        #expect((scores.sentences, scores.words, scores.support) == (1, 4, 2))
        #expect(scores.types.map(\.type) == ["person", "place"])
    }
}
