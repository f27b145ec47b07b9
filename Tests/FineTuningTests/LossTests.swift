import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Values and gradients of every loss against PyTorch and sentence-transformers in float64.
@Suite struct LossTests {
    private struct ClassCase: Decodable {
        let name: String
        let x, gradient: [[Double]]
        let loss: Double
        let targets: [Int?]
        let weights: [Float]?
        let smoothing: Float
        let gamma: Float?

        var classLoss: ClassLoss {
            gamma.map { .focal(SoftmaxFocalLoss(gamma: $0, weights: weights)) }
                ?? .crossEntropy(SoftmaxCrossEntropy(weights: weights, labelSmoothing: smoothing))
        }
    }

    @Test func lossesOfOneClassEqualPyTorchs() throws {
        let cases = try LossFixture<ClassCase>.cases("classes")
        #expect(cases.count == 16)
        for golden in cases {
            let loss = golden.classLoss
            let terms = golden.targets.compactMap { $0 }.reduce(0.0) { $0 + loss.terms(of: $1) }
            let (value, gradient) = loss.loss(Matrix(golden.x), targets: golden.targets, terms: terms)
            LossFixture<ClassCase>.compare((value, gradient), golden.loss, golden.gradient, golden.name)

            // A step in parts: the sums over parts are the whole, also where classes have weights.
            var (sum, rows) = (0.0, [[Double]]())
            for part in [0..<2, 2..<3, 3..<golden.targets.count] {
                let (value, gradient) = loss.loss(
                    Matrix(Array(golden.x[part])), targets: Array(golden.targets[part]), terms: terms)
                sum += value
                rows += (0..<gradient.rows).map { gradient.row($0).map(Double.init) }
            }
            LossFixture<ClassCase>.compare((sum, Matrix(rows)), golden.loss, golden.gradient, golden.name)
        }
    }

    @Test func aFocalLossWithoutGammaIsCrossEntropy() {
        let logits = Matrix([[1, -2, 0.5], [30, -30, 0], [0, 0, 0]])
        let weights: [Float] = [1, 2, 0.5]
        let plain = SoftmaxCrossEntropy(weights: weights).loss(logits, targets: [1, 0, nil], terms: 3)
        let focal = SoftmaxFocalLoss(gamma: 0, weights: weights).loss(logits, targets: [1, 0, nil], terms: 3)
        #expect(abs(plain.loss - focal.loss) < 1e-6)
        #expect(Closeness.largestDifference(plain.dLogits.values, focal.dLogits.values) < 1e-6)
    }

    @Test func aStepWhoseClassesAllCountNothingHasNoLoss() {
        let loss = SoftmaxCrossEntropy(weights: [0, 1])
        let (value, gradient) = loss.loss(Matrix([[1, 2]]), targets: [0], terms: loss.terms(of: 0))
        #expect(value == 0 && gradient.values == [0, 0])
    }

    private struct LabelCase: Decodable {
        let name: String
        let x, gradient: [[Double]]
        let loss: Double
        let targets: [[Int]]
        let weights: [Float]?
        let gamma: Float?
    }

    @Test func lossesOfSeveralLabelsEqualPyTorchs() throws {
        for golden in try LossFixture<LabelCase>.cases("labels") {
            let loss: MultilabelLoss =
                golden.gamma.map { .focal(BinaryFocalLoss(gamma: $0, positiveWeights: golden.weights)) }
                ?? .crossEntropy(BinaryCrossEntropy(positiveWeights: golden.weights))
            let found = loss.loss(Matrix(golden.x), targets: golden.targets, terms: Double(golden.targets.count))
            LossFixture<LabelCase>.compare(
                (found.loss, found.dLogits), golden.loss, golden.gradient, "\(golden.name), \(golden.weights ?? [])")
        }
    }

    private struct NumberCase: Decodable {
        let x, gradient: [[Double]]
        let loss: Double
        let targets: [Float]
    }

    @Test func theSquaredErrorEqualsPyTorchs() throws {
        for golden in try LossFixture<NumberCase>.cases("numbers") {
            let found = SquaredError.loss(
                Matrix(golden.x), targets: golden.targets, terms: Double(golden.targets.count))
            LossFixture<NumberCase>.compare((found.loss, found.dOutputs), golden.loss, golden.gradient, "numbers")
        }
    }

    private struct SimilarityCase: Decodable {
        let name: String
        let x, gradient: [[Double]]
        let loss: Double
        let texts: Int
        let scale: Float?
        let scores: [Float]?
        let distance: String?
        let margin: Float?

        func similarityLoss() throws -> SimilarityLoss {
            if let scale { return .ranking(MultipleNegativesRanking(scale: scale)) }
            guard let distance, let margin else { return .cosine }
            return .triplet(
                TripletLoss(distance: try #require(TripletLoss.Distance(rawValue: distance)), margin: margin))
        }

        var examples: [RelatedRows] {
            stride(from: 0, to: x.count, by: texts).map { row in
                RelatedRows(
                    first: row, second: row + 1, negative: texts == 3 ? row + 2 : nil, score: scores?[row / texts])
            }
        }
    }

    @Test func lossesOfSimilarityEqualThoseOfSentenceTransformers() throws {
        let cases = try LossFixture<SimilarityCase>.cases("similarity")
        #expect(Set(cases.map(\.name)) == ["ranking", "cosine", "triplet"] && cases.count == 18)
        for golden in cases {
            let examples = golden.examples
            let found = try golden.similarityLoss().loss(
                Matrix(golden.x), examples, terms: Double(examples.count))
            LossFixture<SimilarityCase>.compare(
                (found.loss, found.dEmbeddings), golden.loss, golden.gradient,
                "\(golden.name) \(golden.distance ?? "") \(golden.margin ?? golden.scale ?? 0), \(golden.texts) texts")
        }
    }

    @Test func textsThatAreTheSameHaveAGradient() {
        // PyTorch's is not a number here: the root of 0 has no slope.
        let x = Matrix([[1, 2], [1, 2], [0, 1]])
        let found = TripletLoss(margin: 5).loss(x, [RelatedRows(first: 0, second: 1, negative: 2)], terms: 1)
        #expect(abs(found.loss - (5 - 2.0.squareRoot())) < 1e-6)
        #expect(found.dEmbeddings.values.allSatisfy { $0.isFinite })
        #expect(found.dEmbeddings.row(1) == [0, 0])
    }

    @Test func rowsMayBeSharedAmongExamples() {
        // The same text in two examples gets the sum of both gradients.
        let x = Matrix([[1, 2], [0.5, -1], [0, 1]])
        let twice = Matrix([[1, 2], [0.5, -1], [1, 2], [0, 1]])
        let loss = MultipleNegativesRanking(scale: 5)
        let shared = loss.loss(
            x, [RelatedRows(first: 0, second: 1), RelatedRows(first: 0, second: 2)], terms: 2)
        let apart = loss.loss(
            twice, [RelatedRows(first: 0, second: 1), RelatedRows(first: 2, second: 3)], terms: 2)
        #expect(abs(shared.loss - apart.loss) < 1e-6)
        let sum = zip(apart.dEmbeddings.row(0), apart.dEmbeddings.row(2)).map { $0 + $1 }
        #expect(Closeness.largestDifference(shared.dEmbeddings.row(0), sum) < 1e-6)
    }
}
