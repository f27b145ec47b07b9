import Encoders
import Matrices
import Testing
import TestSupport

/// What follows the pooling against PyTorch in float64 (`Tests/Peers/make_pooling_fixtures.py`).
@Suite struct SentenceLayerTests {
    private typealias Forward = (Matrix) -> (y: Matrix, pullback: @Sendable (Matrix) -> Matrix)

    private func check(_ name: String, _ forward: Forward) throws {
        let golden = try GoldenFile("pooling/layers.safetensors")
        let (y, pullback) = forward(try golden.matrix("x"))
        #expect(Closeness.largestDifference(y.values, try golden.floats(name + ".y")) < 2e-6, "\(name)")
        let dx = pullback(try golden.matrix("dy"))
        #expect(Closeness.relativeError(dx.values, try golden.floats(name + ".dx")) < 1e-5, "\(name)")
    }

    @Test func modulesEqualSentenceTransformers() throws {
        let golden = try GoldenFile("pooling/layers.safetensors")
        let dense = SentenceDense(
            weight: try golden.matrix("weight"), bias: try golden.floats("bias"), function: .tanh)
        try check("dense", SentenceLayer.dense(dense).forward)
        let norm = SentenceLayerNorm(gamma: try golden.floats("gamma"), beta: try golden.floats("beta"))
        try check("layer_norm", SentenceLayer.layerNorm(norm).forward)
        try check("normalize", SentenceLayer.normalize.forward)
    }

    @Test(arguments: ElementFunction.allCases) func functionsEqualPyTorch(function: ElementFunction) throws {
        try check(function.rawValue, function.forward)
    }
}
