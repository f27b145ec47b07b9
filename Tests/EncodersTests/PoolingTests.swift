import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// Every mode of pooling against sentence-transformers in float64 (`Tests/Peers/make_pooling_fixtures.py`).
@Suite struct PoolingTests {
    static let ways: [(name: String, modes: [Pooling.Mode])] =
        Pooling.Mode.allCases.map { ($0.rawValue, [$0]) }
        + [("all", [.lastToken, .weightedMean, .rootMean, .mean, .max, .cls])]

    @Test(arguments: ways, [true, false])
    func vectorsAndGradientsEqualSentenceTransformers(
        way: (name: String, modes: [Pooling.Mode]), includesPrompt: Bool
    ) throws {
        let golden = try GoldenFile("pooling/modes.safetensors")
        let promptTokens = try #require(golden.settings("settings")["prompt_tokens"] as? Int)
        let pooling = Pooling(way.modes, includesPrompt: includesPrompt)
        let (pooled, pullback) = pooling.forward(
            try golden.matrix("hidden"), try golden.batch(), promptTokens: promptTokens)
        let prefix = way.name + (includesPrompt ? "" : ".without_prompt")
        // A text without a token but the prompt's has no largest: -∞ there, 0 here.
        let expected = try golden.floats(prefix + ".y").map { $0 == -.infinity ? 0 : $0 }
        #expect(Closeness.largestDifference(pooled.values, expected) < 1e-6)
        let dHidden = pullback(try golden.matrix(way.name + ".dy"))
        #expect(Closeness.largestDifference(dHidden.values, try golden.floats(prefix + ".dx")) < 1e-6)
    }

    @Test func aTextIsPooledAloneAsInCompanyBitForBit() throws {
        let golden = try GoldenFile("pooling/modes.safetensors")
        let (hidden, batch) = (try golden.matrix("hidden"), try golden.batch())
        let pooling = Pooling(Pooling.Mode.allCases)
        let together = pooling.forward(hidden, batch).pooled
        for (text, tokens) in batch.sequences.enumerated() {
            var alone = PackedBatch()
            alone.append(tokens: Array(batch.tokens[tokens]), segments: Array(batch.segments[tokens]))
            #expect(pooling.forward(hidden.rows(tokens), alone).pooled.values == together.row(text))
        }
    }
}
