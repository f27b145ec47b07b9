import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import Testing
import TestSupport
import Tokenizers

/// Labels of words, losses, logits and the gradient of every trained tensor against transformers' token classification
/// with PEFT in float64 (`Tests/Peers/make_tagging_fixtures.py`).
@Suite struct TaggingGoldenTests {
    static let files = ["query-value", "all-targets"]
    private static let tags = ["O", "B-person", "B-team", "I-person", "I-team"]

    /// A fixture's sentences as Graft reads them.
    private struct Sentences {
        let texts: [TokenizedText]
        let targets: [Target]

        init(_ golden: GoldenFile, _ head: TaggingHead) throws {
            let rows = try #require(try golden.settings("sentences")["rows"] as? [[String: [String]]])
            let data = Dataset(rows.map { Example(tokens: $0["tokens"] ?? [], tags: $0["tags"]) })
            let tokenizer = try TokenizerFolder.load(from: TinyEncoder.folder)
            texts = try data.inputs.flatMap { try head.texts(of: $0, tokenizer, limit: 64) }
            targets = zip(try head.answers(in: data), texts).flatMap { head.targets($0, of: [$1]) }
        }

        /// A label for each token, −100 where there is none, as transformers has it.
        var labels: [Int] {
            zip(texts, targets).flatMap { text, target -> [Int] in
                var labels = [Int](repeating: -100, count: text.count)
                guard case .words(let words) = target else { return labels }
                for (id, token) in zip(words.ids, words.tokens) { if let token { labels[token] = id } }
                return labels
            }
        }
    }

    private let head = TaggingHead(labels: tags, hiddenSize: 32)

    @Test func theFirstTokenOfEachWordHasItsLabelAsInTransformers() throws {
        let golden = try GoldenFile("tagging/query-value.safetensors")
        let sentences = try Sentences(golden, head)
        #expect(sentences.texts.flatMap(\.ids).map(Int.init) == (try golden.integers("tokens")))
        #expect(sentences.texts.map(\.count) == (try golden.integers("lengths")))
        #expect(sentences.labels == (try golden.integers("labels")))
        let words = sentences.targets.reduce(0.0) { $0 + head.lossTerms(of: $1) }
        #expect(Int(words) == sentences.labels.count { $0 >= 0 })
        #expect(words == 36, "one word, a zero-width space, has no token")
    }

    @Test(arguments: files)
    func gradientsEqualPEFTs(file: String) throws {
        let golden = try GoldenFile("tagging/\(file).safetensors")
        let encoder = try TinyEncoder.load()
        let peft = try GoldenLoRA(golden, encoder)
        let model = TaskModel(encoder: encoder, adapters: peft.adapters, head: head)
        let values = try peft.values(of: model) { try golden.matrix($0) }
        let sentences = try Sentences(golden, head)
        let terms = sentences.targets.reduce(0.0) { $0 + head.lossTerms(of: $1) }
        let expectedLogits = try golden.floats("logits")

        /// The gradients of a step that is cut into parts.
        func step(_ parts: [[Int]]) -> (loss: Double, logits: [Float], gradients: Gradients) {
            var (loss, logits, gradients) = (0.0, [Float](), values.zeroed())
            for part in parts {
                var batch = PackedBatch()
                for text in part {
                    batch.append(tokens: sentences.texts[text].ids, segments: sentences.texts[text].segments)
                }
                let (outputs, pullback) = model.forward(batch, Pass(parameters: values, demand: .parameters))
                let (partLoss, dOutputs) = head.loss(outputs, part.map { sentences.targets[$0] }, batch, terms: terms)
                _ = pullback(dOutputs, &gradients)
                loss += partLoss
                logits += outputs.values
            }
            return (loss, logits, gradients)
        }

        for parts in [[[0, 1, 2, 3, 4, 5]], [[0], [1, 2], [3, 4, 5]]] {
            let (loss, logits, gradients) = step(parts)
            #expect(Closeness.largestDifference(logits, expectedLogits) < 1e-5)
            #expect(abs(Float(loss) - (try golden.floats("loss")[0])) < 1e-5)
            for (parameter, name) in peft.names(of: model) {
                let expected = try golden.floats("gradient.\(name)")
                let error = Closeness.relativeError(gradients[parameter].values, expected)
                #expect(error < 1e-5, "\(name) of \(file) in \(parts.count) parts")
            }
        }
    }

    @Test func aStepWithoutALabelledWordHasNoLossAndNoGradient() throws {
        var batch = PackedBatch()
        batch.append(tokens: [2, 3], segments: [0, 0])
        let target = Target.words(.init(ids: [1], tokens: [nil]))
        let logits = Matrix(rows: 2, columns: 5, values: (0..<10).map(Float.init))
        let (loss, dOutputs) = head.loss(logits, [target], batch, terms: head.lossTerms(of: target))
        #expect(loss == 0)
        #expect(dOutputs == Matrix(rows: 2, columns: 5))
    }
}
