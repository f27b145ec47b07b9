import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// Hidden states and gradients against transformers in float64 (`Tests/Peers/make_encoder_fixtures.py`).
@Suite struct HiddenStatesTests {
    private func hidden(_ encoder: TransformerEncoder, _ batch: PackedBatch) -> Matrix {
        encoder.forward(batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
    }

    @Test func everyLayerEqualsTransformers() throws {
        let golden = try GoldenFile("encoder/states.safetensors")
        let states = try TinyEncoder.load().hiddenStates(golden.batch())
        #expect(states.count == 4)
        for (layer, state) in states.enumerated() {
            let expected = try golden.floats("hidden.\(layer)")
            #expect(Closeness.largestDifference(state.values, expected) < 1e-5, "layer \(layer)")
        }
    }

    @Test func theTanhFormOfGeluEqualsTransformers() throws {
        let golden = try GoldenFile("encoder/states-gelu-new.safetensors")
        let encoder = try TransformerEncoder(contentsOf: Fixtures.url("encoder/tiny-bert-gelu-new"))
        let found = hidden(encoder, try golden.batch())
        #expect(Closeness.largestDifference(found.values, try golden.floats("hidden.1")) < 1e-5)
    }

    @Test func packedTextsAreTheSameAsOneAtATimeBitForBit() throws {
        let batch = try GoldenFile("encoder/states.safetensors").batch()
        let encoder = try TinyEncoder.load()
        let together = hidden(encoder, batch)
        for tokens in batch.sequences {
            var alone = PackedBatch()
            alone.append(tokens: Array(batch.tokens[tokens]), segments: Array(batch.segments[tokens]))
            let values = hidden(encoder, alone).values
            #expect(values == tokens.flatMap { together.row($0) })
        }
    }

    @Test func theGradientOfTheEmbeddingsEqualsPyTorch() throws {
        let golden = try GoldenFile("encoder/states.safetensors")
        var nothing = ParameterVector([])
        let (_, pullback) = try TinyEncoder.load().forward(
            golden.batch(), adapters: .none, Pass(parameters: nothing, demand: .parametersAndInput))
        let dx = pullback(try golden.matrix("dy"), &nothing)
        #expect(Closeness.relativeError(dx.values, try golden.floats("dx")) < 1e-5)
    }

    @Test func poolingEqualsSentenceTransformers() throws {
        let golden = try GoldenFile("encoder/states.safetensors")
        let batch = try golden.batch()
        let hidden = try hidden(TinyEncoder.load(), batch)
        for mode in [Pooling.Mode.mean, .cls, .max] {
            let (pooled, _) = Pooling([mode]).forward(hidden, batch)
            for (name, found) in [("pooled", pooled), ("normalized", SentenceLayer.normalize.forward(pooled).y)] {
                let expected = try golden.floats("\(name).\(mode.rawValue)")
                #expect(Closeness.largestDifference(found.values, expected) < 1e-5, "\(name) \(mode)")
            }
        }
    }

    @Test func checkpointsUnderOlderNamesAndInShardsHoldTheSameEncoder() throws {
        let folders = ["tiny-bert-pretraining", "tiny-bert-gamma-beta", "tiny-bert-sharded"]
        let encoders = try folders.map { try TransformerEncoder(contentsOf: Fixtures.url("encoder/\($0)")) }
        #expect(Set(encoders.map(\.fingerprint)).count == 1)
        let batch = try GoldenFile("encoder/states-gelu-new.safetensors").batch()
        #expect(Set(encoders.map { hidden($0, batch).values }).count == 1)
    }

    @Test func everyDifferenceOfWeightsIsADifferenceOfFingerprint() throws {
        let tiny = try TinyEncoder.load()
        let other = try TransformerEncoder(contentsOf: Fixtures.url("encoder/tiny-bert-sharded"))
        #expect(tiny.fingerprint != other.fingerprint)
        #expect(try TinyEncoder.load().fingerprint == tiny.fingerprint)
    }
}
