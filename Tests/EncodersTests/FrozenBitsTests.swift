import Encoders
import Matrices
import TestSupport
import Testing

@Suite struct FrozenBitsTests {
    @Test(arguments: Precision.allCases)
    func equalEncodersHaveEqualBitsAndUseChangesNone(precision: Precision) throws {
        let encoder = try TransformerEncoder(contentsOf: TinyEncoder.folder, precision: precision)
        let bits = encoder.frozenBits
        #expect(bits.contains { $0.name == "encoder.layer.2.attention.self.value" })
        #expect(bits.contains { $0.name == "embeddings.LayerNorm" && $0.hashes.count == 2 })
        #expect(Set(bits.map(\.name)).count == bits.count)
        var batch = PackedBatch()
        batch.append(tokens: [1, 5, 2], segments: [0, 0, 0])
        _ = encoder.states(entering: 3, batch)
        #expect(encoder.frozenBits == bits)
        #expect(
            try TransformerEncoder(contentsOf: TinyEncoder.folder, precision: precision).frozenBits == bits)
    }

    @Test func aChangedTensorIsNamed() throws {
        let before = try TinyEncoder.load().frozenBits
        for (tensor, module) in [
            ("encoder.layer.1.attention.self.query.weight", "encoder.layer.1.attention.self.query"),
            ("encoder.layer.0.output.LayerNorm.bias", "encoder.layer.0.output.LayerNorm"),
            ("embeddings.position_embeddings.weight", "embeddings.position_embeddings.weight"),
        ] {
            let folder = try Fixtures.copyOfTinyEncoder(changing: tensor)
            let after = try TransformerEncoder(contentsOf: folder.url).frozenBits
            #expect(zip(before, after).filter { $0 != $1 }.map { $0.0.name } == [module])
        }
    }
}
