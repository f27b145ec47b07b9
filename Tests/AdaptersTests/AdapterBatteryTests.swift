import Adapters
import Encoders
import Matrices
import Testing
import TestSupport

/// Properties that every adapter method has.
@Suite struct AdapterBatteryTests {
    private let batch: PackedBatch
    private let encoder: TransformerEncoder

    init() throws {
        batch = try GoldenFile("encoder/states.safetensors").batch()
        encoder = try TinyEncoder.load()
    }

    private func hidden(_ encoder: TransformerEncoder, _ adapters: AdapterSet, _ values: ParameterVector) -> Matrix {
        encoder.forward(batch, adapters: adapters, Pass(parameters: values)).hidden
    }

    private var base: Matrix { hidden(encoder, .none, ParameterVector([])) }

    static let recipes = [
        AdapterRecipe(), AdapterRecipe(rank: 1, alpha: 3, projections: TinyEncoder.projections),
        AdapterRecipe(rank: 40, isRankStabilized: true, projections: [.output, .key], layers: [1]),
    ]

    @Test(arguments: recipes)
    func aFreshAdapterChangesNothing(recipe: AdapterRecipe) throws {
        let (adapters, values) = try recipe.fresh(for: encoder, seed: 1)
        #expect(hidden(encoder, adapters, values) == base)
    }

    @Test(arguments: recipes)
    func mergedIsAdapted(recipe: AdapterRecipe) throws {
        let bundle = try randomBundle(recipe, encoder)
        let adapted = hidden(encoder, bundle.adapters, bundle.parameters)
        #expect(Closeness.largestDifference(adapted.values, base.values) > 1e-3)
        let merged = try encoder.merging(bundle.adapters, bundle.parameters)
        let plain = hidden(merged, .none, ParameterVector([]))
        #expect(Closeness.largestDifference(plain.values, adapted.values) < 1e-4)
    }

    @Test(arguments: recipes)
    func unmergingLeavesTheBaseBitForBitAsItWas(recipe: AdapterRecipe) throws {
        let before = base
        let weights = encoder.allWeights
        let bundle = try randomBundle(recipe, encoder)
        let merged = try encoder.merging(bundle.adapters, bundle.parameters)
        #expect(merged.allWeights != weights)
        #expect(encoder.allWeights == weights)
        #expect(base == before)
    }

    @Test func aLayerThatDoesNotExistIsRefused() throws {
        let error = #expect(throws: AdapterError.self) {
            try AdapterRecipe(layers: [1, 3]).fresh(for: encoder, seed: 0)
        }
        guard case .noSuchLayer(3, layers: 3) = error else { Issue.record("\(String(describing: error))"); return }
    }

    @Test func dropoutOnTheLowRankPathIsSeededAndOnlyInTraining() throws {
        let bundle = try randomBundle(AdapterRecipe(dropoutRate: 0.5), encoder)
        func trained(step: Int) -> Matrix {
            let pass = Pass(
                parameters: bundle.parameters, dropout: DropoutKey(seed: 0, step: step), dropsInsideEncoder: false)
            return encoder.forward(batch, adapters: bundle.adapters, pass).hidden
        }
        #expect(trained(step: 1) == trained(step: 1))
        #expect(trained(step: 1) != trained(step: 2))
        #expect(trained(step: 1) != hidden(encoder, bundle.adapters, bundle.parameters))
    }
}

extension TransformerEncoder {
    /// Every weight of every linear map.
    var allWeights: [Matrix] {
        (0..<config.layers).flatMap { layer in
            config.projections.map { self[Site(layer: layer, projection: $0)].weight }
        }
    }
}

/// An adapter whose A and B are both random, as after training.
func randomBundle(_ recipe: AdapterRecipe, _ encoder: TransformerEncoder) throws -> AdapterBundle {
    var (adapters, values) = try recipe.fresh(for: encoder, seed: 3)
    for parameter in adapters.parameters where parameter.name.hasSuffix("lora_B") {
        var random = RandomStream(seed: 3, name: parameter.name)
        values[parameter] = Matrix(
            rows: parameter.rows, columns: parameter.columns,
            values: (0..<parameter.count).map { _ in 0.1 * random.normal() })
    }
    return AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: "tiny-bert")
}
