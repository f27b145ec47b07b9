import Adapters
import Encoders
import FineTuning
import Matrices
import Testing
import TestSupport

/// Losses, logits and the gradient of every trained tensor against PyTorch + PEFT in float64
/// (`Tests/Peers/make_lora_fixtures.py`).
@Suite struct GoldenGradientTests {
    static let files = ["query-value", "all-targets", "layers", "feed-forward-output", "rslora", "patterns"]

    @Test(arguments: files, [Pooling.Mode.mean, .cls, .max])
    func gradientsEqualPEFTs(file: String, mode: Pooling.Mode) throws {
        let golden = try GoldenFile("lora/\(file).safetensors")
        let encoder = try TinyEncoder.load()
        let peft = try GoldenLoRA(golden, encoder)
        let labels = ["a", "b", "c"]
        let head = ClassificationHead(labels: labels, hiddenSize: 32, pooling: Pooling([mode]))
        let model = TaskModel(encoder: encoder, adapters: peft.adapters, head: head)
        let values = try peft.values(of: model) { try golden.matrix($0) }
        let batch = try golden.batch()

        let (logits, pullback) = model.forward(batch, Pass(parameters: values, demand: .parameters))
        let (loss, dLogits) = SoftmaxCrossEntropy.loss(
            logits, targets: try golden.integers("labels"), count: batch.sequences.count)
        var gradients = values.zeroed()
        _ = pullback(dLogits, &gradients)

        let prefix = mode.rawValue
        #expect(Closeness.largestDifference(logits.values, try golden.floats("\(prefix).logits")) < 1e-5)
        #expect(abs(Float(loss) - (try golden.floats("\(prefix).loss")[0])) < 1e-5)
        for (parameter, name) in peft.names(of: model) {
            let expected = try golden.floats("\(prefix).gradient.\(name)")
            let error = Closeness.relativeError(gradients[parameter].values, expected)
            #expect(error < 1e-5, "\(name) of \(file), \(prefix)")
        }
    }

    @Test func partsOfAStepAddUpToTheWhole() throws {
        let golden = try GoldenFile("lora/all-targets.safetensors")
        let encoder = try TinyEncoder.load()
        let peft = try GoldenLoRA(golden, encoder)
        let model = TaskModel(
            encoder: encoder, adapters: peft.adapters,
            head: ClassificationHead(labels: ["a", "b", "c"], hiddenSize: 32, pooling: .mean))
        let values = try peft.values(of: model) { try golden.matrix($0) }
        let (batch, targets) = (try golden.batch(), try golden.integers("labels"))
        var sum = values.zeroed()
        for (tokens, target) in zip(batch.sequences, targets) {
            var alone = PackedBatch()
            alone.append(tokens: Array(batch.tokens[tokens]), segments: Array(batch.segments[tokens]))
            let (logits, pullback) = model.forward(alone, Pass(parameters: values, demand: .parameters))
            let (_, dLogits) = SoftmaxCrossEntropy.loss(logits, targets: [target], count: targets.count)
            _ = pullback(dLogits, &sum)
        }
        for (parameter, name) in peft.names(of: model) {
            let expected = try golden.floats("mean.gradient.\(name)")
            #expect(Closeness.relativeError(sum[parameter].values, expected) < 1e-5, "\(name)")
        }
    }
}
