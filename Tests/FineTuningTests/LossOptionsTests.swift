import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Which loss a task gets of what is asked for and of what the data says.
@Suite struct LossOptionsTests {
    private func head(
        _ objective: Objective, _ examples: [Example], _ change: (inout HeadRecipe) -> Void = { _ in }
    ) throws -> any Head {
        let model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        var recipe = HeadRecipe.linear
        change(&recipe)
        return try model.head(recipe, for: objective, learnedFrom: Dataset(examples)).head
    }

    private let classes = ["a", "b", "a", "a"].map { Example("x", label: .name($0)) }
    private let several = [["a"], ["a", "b"], [], ["a"]].map { Example("x", label: .names($0)) }
    private let pairs = [Example("x", pairedWith: "y"), Example("z", pairedWith: "w")]
    private let triplets = [Example("x", pairedWith: "y", negative: "z")]
    private let scored = [0.5, 1].map { Example("x", pairedWith: "y", label: .number($0)) }

    @Test func theLossFollowsFromWhatIsLearned() throws {
        #expect(try head(.classification, classes).lossDescription == "cross-entropy")
        #expect(try head(.multilabel, several).lossDescription == "binary cross-entropy")
        #expect(try head(.similarity, pairs).lossDescription == "multiple negatives ranking, scale 20.0")
        #expect(try head(.similarity, triplets).lossDescription == "triplet, euclidean distance, margin 5.0")
        #expect(try head(.similarity, scored).lossDescription == "squared error of the cosine to the score")
        let numbers = [0.5, 2.5].map { Example("x", label: .number($0)) }
        #expect(try head(.regression, numbers).lossDescription == "squared error")
    }

    private struct WeightCase: Decodable {
        let labels: [String]
        let counts: [Int]
        let weights: [Float]
    }

    @Test func balancedWeightsAreThoseOfScikitLearn() throws {
        for golden in try LossFixture<WeightCase>.cases("weights") {
            let examples = zip(golden.labels, golden.counts).flatMap { label, count in
                (0..<count).map { _ in Example("x", label: .name(label)) }
            }
            let head = try #require(
                try head(.classification, examples) { $0.loss.classWeights = .balanced } as? ClassificationHead)
            for (id, weight) in golden.weights.enumerated() {
                #expect(abs(Float(head.classLoss.terms(of: id)) - weight) < 1e-6)
            }
        }
    }

    @Test func balancedWeightsOfSeveralLabelsAreTextsWithoutOverTextsWith() throws {
        let head = try head(.multilabel, several) { $0.loss.classWeights = .balanced }
        #expect(
            (head as? MultilabelHead)?.multilabelLoss
                == .crossEntropy(BinaryCrossEntropy(positiveWeights: [Float(1) / 3, 3])))
    }

    @Test func weightsAreGivenByName() throws {
        let head = try head(.classification, classes) {
            $0.loss.classWeights = .given(["b": 4])
            $0.loss.focalGamma = 1.5
        }
        #expect(head.lossDescription == "focal, gamma 1.5, class weights 1.0 4.0")
        #expect(head.lossTerms(of: .label(1)) == 4 && head.lossTerms(of: .label(0)) == 1)
        let error = #expect(throws: LossError.self) {
            try self.head(.classification, classes) { $0.loss.classWeights = .given(["bb": 4]) }
        }
        #expect(error == .unknownLabel("bb", known: ["a", "b"], nearest: "b"))
    }

    @Test func aTripletsNegativeIsOneOfManyInRanking() throws {
        let head = try head(.similarity, triplets) {
            $0.loss.kind = .ranking
            $0.loss.rankingScale = 5
        }
        #expect(head.lossDescription == "multiple negatives ranking, scale 5.0")
    }

    @Test func scoresFromZeroToFiveAreDividedByFiveAndSaidSo() throws {
        let fives = [0, 2.5, 5].map { Example("x", pairedWith: "y", label: .number($0)) }
        let head = try head(.similarity, fives)
        #expect(head.lossDescription == "squared error of the cosine to the score, scores divided by 5.0")
        // Half of the scale is a cosine of one half: orthogonal texts are off by that.
        let pair: [Target] = [
            .related(.init(.first, score: 2.5, content: 0)), .related(.init(.second, score: 2.5, content: 1)),
        ]
        let (loss, _) = head.loss(Matrix([[1, 0], [0, 1]]), rows: [0..<1, 1..<2], pair, terms: 1)
        #expect(abs(loss - 0.25) < 1e-6)
        let beyond = [Example("x", pairedWith: "y", label: .number(5.5), line: 7)]
        let error = #expect(throws: DataError.self) { try self.head(.similarity, beyond) }
        #expect(error?.line == 7 && error?.problem == .scoreOutOfRange(5.5))
    }

    @Test func whatDoesNotGoTogetherIsRefused() throws {
        func refusal(
            _ objective: Objective, _ examples: [Example], _ change: (inout HeadRecipe) -> Void
        ) -> String {
            do {
                _ = try head(objective, examples, change)
                return ""
            } catch { return "\(error)" }
        }
        let cases: [(String, String)] = [
            (
                refusal(.classification, classes) { $0.loss.kind = .ranking },
                "the loss ranking does not go with the objective classification, which takes cross-entropy or focal"
            ),
            (
                refusal(.multilabel, several) { $0.loss.labelSmoothing = 0.1 },
                "label-smoothing does not go with the objective multilabel, which takes class-weights, focal-gamma"
            ),
            (
                refusal(.classification, classes) { ($0.loss.kind, $0.loss.labelSmoothing) = (.focal, 0.1) },
                "the focal loss and label-smoothing exclude each other; leave one of the two out"
            ),
            (
                refusal(.classification, classes) { ($0.loss.kind, $0.loss.focalGamma) = (.crossEntropy, 1) },
                "the loss cross-entropy and focal-gamma exclude each other; leave one of the two out"
            ),
            (
                refusal(.similarity, pairs) { $0.loss.kind = .triplet },
                "the loss triplet needs triplets (a 'negative'), the data has pairs without scores"
            ),
            (
                refusal(.similarity, scored) { $0.loss.kind = .ranking },
                "the loss ranking needs pairs that all belong together, without scores, the data has pairs with scores"
            ),
            (
                refusal(.similarity, pairs) { $0.loss.tripletMargin = 1 },
                "triplet-margin and the loss ranking exclude each other; leave one of the two out"
            ),
            (
                refusal(.classification, classes) { $0.loss.labelSmoothing = 1 },
                "label-smoothing is 1.0, expected 0 or more and below 1"
            ),
            (
                refusal(.classification, classes) { $0.threshold = 0.4 },
                "a threshold does not go with the objective classification, which takes none: it is for several labels"
            ),
            (
                refusal(.similarity, pairs) { $0.choice = .twoLayer },
                "a head of the kind two-layer has layers, and similarity is told from the embeddings themselves;"
                    + " leave --head out"
            ),
        ]
        for (found, expected) in cases { #expect(found == expected) }
    }
}
