import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Metrics against scikit-learn, scipy, sentence-transformers and seqeval on the same answers.
@Suite struct MetricsTests {
    private struct MetricCase: Decodable {
        let kind: String
        let labels: Int?
        let targets, predictions: Answers
        let values: [String: Double]
        let precision, recall, f1: [Double]?
        let support: [Int]?

        /// A list of ids or numbers, or of lists of ids.
        enum Answers: Decodable {
            case numbers([Double])
            case lists([[Int]])

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                self =
                    if let numbers = try? container.decode([Double].self) { .numbers(numbers) } else {
                        .lists(try container.decode([[Int]].self))
                    }
            }

            var numbers: [Double] { if case .numbers(let numbers) = self { numbers } else { [] } }
            var lists: [[Int]] { if case .lists(let lists) = self { lists } else { [] } }
        }

        var scores: Scores {
            let names = (0..<(labels ?? 0)).map { "label \($0)" }
            return switch kind {
            case "classes":
                .classification(
                    ClassificationMetrics(
                        targets: targets.numbers.map { Int($0) }, predictions: predictions.numbers.map { Int($0) },
                        labels: names))
            case "labels":
                .multilabel(
                    MultilabelMetrics(targets: targets.lists, predictions: predictions.lists, labels: names))
            default: .regression(RegressionMetrics(targets: targets.numbers, predictions: predictions.numbers))
            }
        }
    }

    @Test func everyFigureEqualsScikitLearnsAndScipys() throws {
        let cases = try LossFixture<MetricCase>.cases("metrics")
        #expect(Set(cases.map(\.kind)) == ["classes", "labels", "numbers"])
        for golden in cases {
            let scores = golden.scores
            if golden.kind != "numbers" || golden.values.count > 1 {
                #expect(Set(scores.names) == Set(golden.values.keys))
            }
            for (name, expected) in golden.values {
                let found = try #require(scores.value(of: name), "\(name)")
                #expect(
                    abs(found - expected) < 1e-12 * max(1, abs(expected)),
                    "\(golden.kind), \(name): \(found), \(expected)")
            }
            guard case .multilabel(let metrics) = scores else { continue }
            #expect(metrics.perLabel.map(\.support) == golden.support)
            for (found, expected) in [
                (metrics.perLabel.map(\.precision), golden.precision), (metrics.perLabel.map(\.recall), golden.recall),
                (metrics.perLabel.map(\.f1), golden.f1),
            ] {
                for (found, expected) in zip(found, try #require(expected)) { #expect(abs(found - expected) < 1e-12) }
            }
        }
    }

    private struct RankingCase: Decodable {
        let vectors: [[Double]]
        let firsts, seconds: [Int]
        let negatives: [Int]?
        let candidates: Int
        let values: [String: Double]
        let scores: [Double]
        let similarity: [String: Double]
    }

    @Test func ranksAndCorrelationsEqualThoseOfSentenceTransformers() throws {
        for golden in try LossFixture<RankingCase>.cases("ranking") {
            // A row for each text of each example, as a similarity head has them.
            let texts = golden.firsts.indices.flatMap { index in
                [golden.firsts[index], golden.seconds[index]] + (golden.negatives.map { [$0[index]] } ?? [])
            }
            let count = golden.negatives == nil ? 2 : 3
            let outputs = texts.map { Matrix([golden.vectors[$0]]) }
            func targets(_ scores: [Double]?) -> [Target] {
                texts.enumerated().map { row, text in
                    let places: [Target.RelatedText.Place] = [.first, .second, .negative]
                    let score = scores.map { Float($0[row / count]) }
                    return .related(.init(places[row % count], score: score, content: UInt64(text)))
                }
            }
            let head = SimilarityHead(hiddenSize: golden.vectors[0].count, pooling: .mean)
            let ranking = head.scores(outputs, targets(nil))
            guard case .ranking(let metrics) = ranking else { throw CocoaError(.coderInvalidValue) }
            #expect(metrics.examples == golden.firsts.count && metrics.candidates == golden.candidates)
            #expect(Set(ranking.names) == Set(golden.values.keys))
            for (name, expected) in golden.values {
                let found = try #require(ranking.value(of: name))
                #expect(abs(found - expected) < 1e-6, "\(name)")
            }
            let similarity = head.scores(outputs, targets(golden.scores))
            #expect(similarity.names == ["spearman", "pearson"])
            for (name, expected) in golden.similarity {
                let found = try #require(similarity.value(of: name))
                #expect(abs(found - expected) < 1e-6, "\(name)")
            }
        }
    }

    @Test func embeddingsThatAreAllAlikeFindNothing() {
        let x = Matrix(rows: 6, columns: 2, values: [Float](repeating: 1, count: 12))
        let examples = [0, 2, 4].map { RelatedRows(first: $0, second: $0 + 1) }
        let metrics = RankingMetrics(x, examples, contents: [0, 1, 2, 3, 4, 5])
        #expect(metrics.ranks == [3, 3, 3] && metrics.recall(at: 1) == 0)
        // The same text thrice is one candidate.
        #expect(RankingMetrics(x, examples, contents: [0, 1, 2, 1, 4, 1]).ranks == [1, 1, 1])
        let broken = Matrix(rows: 6, columns: 2, values: [Float](repeating: .nan, count: 12))
        #expect(RankingMetrics(broken, examples, contents: [0, 1, 2, 3, 4, 5]).ranks == [3, 3, 3])
    }

    @Test func aListThatDoesNotVaryHasNoCorrelation() {
        #expect(Correlation.pearson([1, 1, 1], [1, 2, 3]) == 0)
        #expect(Correlation.spearman([1, 2, 3], [4, 4, 4]) == 0)
        #expect(Correlation.spearman([1, 2, 3], [1, 10, 100]) == 1)
    }

    private struct StrictCase: Decodable {
        let scheme: String
        let targets, predictions: [[String]]
        let entities: [[Entity]]
        let precision, recall, f1: Double
        let types: [String: Double]

        /// `["person", 3, 5]`: a type, the first word and the one after the last.
        struct Entity: Decodable {
            let span: TaggedSpan

            init(from decoder: any Decoder) throws {
                var fields = try decoder.unkeyedContainer()
                let type = try fields.decode(String.self)
                let (first, end) = (try fields.decode(Int.self), try fields.decode(Int.self))
                span = TaggedSpan(type: type, words: first..<end)
            }
        }
    }

    @Test func strictEntitiesEqualSeqevals() throws {
        let cases = try LossFixture<StrictCase>.cases("strict")
        #expect(Set(cases.map(\.scheme)) == ["bio", "iobes"])
        for golden in cases {
            let scheme = try #require(TagScheme(rawValue: golden.scheme))
            for (tags, entities) in zip(golden.predictions, golden.entities) {
                #expect(TaggedSpan.all(in: tags, strictly: scheme) == entities.map(\.span), "\(tags)")
            }
            let scores = TaggingMetrics(
                targets: golden.targets, predictions: golden.predictions, strictly: scheme)
            for (found, expected) in [
                (scores.precision, golden.precision), (scores.recall, golden.recall), (scores.f1, golden.f1),
            ] { #expect(abs(found - expected) < 1e-12) }
            for type in scores.types { #expect(abs(type.f1 - (golden.types[type.type] ?? -1)) < 1e-12) }
            #expect(scores.types.count == golden.types.count)
        }
    }

    @Test func namesOfFiguresAreThoseOfTheObjective() throws {
        let classes = Scores.classification(
            ClassificationMetrics(targets: [0, 1], predictions: [0, 0], labels: ["a", "b"]))
        #expect(classes.names == Scores.names(for: .classification))
        #expect(classes.value(of: "accuracy") == 0.5 && classes.value(of: "entity_f1") == nil)
        let labels = Scores.multilabel(MultilabelMetrics(targets: [[0]], predictions: [[]], labels: ["a"]))
        #expect(labels.names == Scores.names(for: .multilabel))
        let numbers = Scores.regression(RegressionMetrics(targets: [0, 1], predictions: [0, 0]))
        #expect(numbers.names == Scores.names(for: .regression))
        let tags = Scores.tagging(TaggingMetrics(targets: [["O"]], predictions: [["O"]]))
        #expect(tags.names == Scores.names(for: .tagging))
        for scores in [classes, labels, numbers, tags] {
            let again = try JSONDecoder().decode(Scores.self, from: try JSONEncoder().encode(scores))
            #expect(again == scores)
            #expect(scores.value(of: scores.names[0]) == scores.headline.value)
        }
        #expect(Scores.isBetterLower("mse") && !Scores.isBetterLower("r2"))
    }
}
