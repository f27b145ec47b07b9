import Adapters
import Encoders
import Foundation
import Matrices
import Safetensors
import TestSupport
import Testing

/// A LoRA out of two whole checkpoints.
@Suite struct ExtractionTests {
    private let encoder: TransformerEncoder
    private let batch: PackedBatch

    init() throws {
        encoder = try TinyEncoder.load()
        batch = try GoldenFile("encoder/states.safetensors").batch()
    }

    private func hidden(_ encoder: TransformerEncoder, _ bundle: AdapterBundle? = nil) -> Matrix {
        encoder.forward(
            batch, adapters: bundle?.adapters ?? .none, Pass(parameters: bundle?.parameters ?? ParameterVector([]))
        ).hidden
    }

    private func extract(
        _ size: Extraction.Size, from tuned: TransformerEncoder,
        keeps: Set<Extraction.Kept> = [.norms, .biases]
    ) throws -> ExtractedAdapter {
        try Extraction(size, keeps: keeps).extract(
            from: tuned, over: encoder, tunedFolder: TinyEncoder.folder, baseFolder: TinyEncoder.folder,
            baseModel: "tiny-bert")
    }

    @Test func aMergedLoRAIsFoundAgain() throws {
        let recipe = AdapterRecipe(rank: 3, alpha: 6, projections: [.query, .output], layers: [1, 2])
        let bundle = try randomBundle(recipe, encoder)
        let tuned = try encoder.merging(bundle.adapters, bundle.parameters)
        let found = try extract(.rank(3), from: tuned)
        #expect(found.bundle.adapters.sites == bundle.adapters.sites)
        #expect(found.others.isEmpty)
        // Merging has rounded the weights, and nothing else is lost.
        #expect(found.keptEnergy > 1 - 1e-10)
        let difference = Closeness.largestDifference(hidden(encoder, found.bundle).values, hidden(tuned).values)
        #expect(difference < 1e-5)
        // A smaller one loses what its singular values say.
        let smaller = try extract(.rank(1), from: tuned)
        #expect(smaller.keptEnergy < 0.95)
        // The whole difference is of rank 3 but for rounding.
        let whole = try extract(.energy(0.9999), from: tuned)
        #expect(whole.maps.values.allSatisfy { $0.rank == 3 })
    }

    /// A tuned encoder with every tensor changed.
    private func tunedWhole() throws -> TransformerEncoder {
        let adapters = try Unfreezing.everything(of: encoder.config).deltas(for: encoder)
        var values = ParameterVector(adapters.parameters)
        for parameter in adapters.parameters {
            var random = RandomStream(seed: 8, name: parameter.name)
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: (0..<parameter.count).map { _ in 0.02 * random.normal() })
        }
        return try encoder.merging(adapters, values)
    }

    @Test func everythingIsKeptWhereEverythingIsAskedFor() throws {
        let tuned = try tunedWhole()
        let found = try extract(.energy(1), from: tuned, keeps: Set(Extraction.Kept.allCases))
        #expect(found.others.allSatisfy { $0.isKept })
        #expect(found.keptEnergy > 1 - 1e-12)
        let difference = Closeness.largestDifference(hidden(encoder, found.bundle).values, hidden(tuned).values)
        #expect(difference < 2e-5)
        let folder = try TemporaryFolder()
        try found.bundle.write(into: folder.url)
        let read = try AdapterBundle(contentsOf: folder.url, for: encoder)
        #expect(hidden(encoder, read) == hidden(encoder, found.bundle))
    }

    @Test func whatIsLeftOutIsNamed() throws {
        let tuned = try tunedWhole()
        let found = try extract(.rank(2), from: tuned, keeps: [.norms])
        let left = found.others.filter { !$0.isKept }.map(\.name)
        #expect(left.contains("embeddings.word_embeddings.weight"))
        #expect(left.contains("encoder.layer.0.attention.self.query.bias"))
        #expect(!left.contains("embeddings.LayerNorm.weight"))
        #expect(found.others.allSatisfy { $0.relativeChange > 0 })
        #expect(found.bundle.adapters.embeddings == nil)
        #expect(found.maps.count == 18)
    }

    @Test func equalModelsAndOtherShapesAreRefused() throws {
        #expect(throws: ExtractionError.self) { try extract(.rank(2), from: encoder) }
        let other = try FamilyFixture("distilbert").encoder()
        let error = #expect(throws: ExtractionError.self) { try extract(.rank(2), from: other) }
        guard case .otherShape(field: "family", _, _) = error else {
            Issue.record("\(String(describing: error))"); return
        }
    }
}
