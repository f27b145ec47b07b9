import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// Hidden states and sentence vectors against transformers in float64 (`Tests/Peers/make_encoder_fixtures.py`), of layouts of
/// one checkpoint. ``FamiliesTests`` has every layer and the way back.
@Suite struct HiddenStatesTests {
    private func hidden(_ encoder: TransformerEncoder, _ batch: PackedBatch) -> Matrix {
        encoder.forward(batch, adapters: .none, Pass(parameters: ParameterVector([]))).hidden
    }

    @Test func theTanhFormOfGeluEqualsTransformers() throws {
        let golden = try GoldenFile("encoder/states-gelu-new.safetensors")
        let encoder = try TransformerEncoder(contentsOf: Fixtures.url("encoder/tiny-bert-gelu-new"))
        let found = hidden(encoder, try golden.batch())
        #expect(Closeness.largestDifference(found.values, try golden.floats("hidden.1")) < 1e-5)
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
