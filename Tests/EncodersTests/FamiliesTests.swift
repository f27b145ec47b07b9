import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// Every family against transformers in float64: texts of 1 to 512 tokens in one batch.
@Suite struct FamiliesTests {
    private let nothing = ParameterVector([])

    @Test func everyFamilyHasAFixture() throws {
        let found = try FamilyFixture.names.map { try FamilyFixture($0).encoder().config.family.modelType }
        #expect(Set(found) == Set(EncoderFamily.all.map(\.modelType)))
        #expect(FamilyFixture.tasks.count == EncoderFamily.all.count)
    }

    @Test(arguments: FamilyFixture.names)
    func everyLayerEqualsTransformers(family: String) throws {
        let fixture = try FamilyFixture(family)
        let encoder = try fixture.encoder()
        let states = encoder.hiddenStates(fixture.batch)
        #expect(states.count == fixture.golden.names.filter { $0.hasPrefix("hidden.") }.count)
        for (layer, state) in states.dropLast().enumerated() {
            let difference = try fixture.difference(state, from: "hidden.\(layer)")
            #expect(difference < 1e-5, "layer \(layer) of \(family)")
        }
        let last = encoder.forward(fixture.batch, adapters: .none, Pass(parameters: nothing)).hidden
        #expect(try fixture.difference(last, from: "last") < 1e-5, "\(family)")
        #expect(states.last?.values == last.values)
    }

    @Test(arguments: FamilyFixture.names)
    func theGradientOfTheEmbeddingsEqualsPyTorch(family: String) throws {
        let fixture = try FamilyFixture(family)
        var gradients = nothing
        let pass = Pass(parameters: nothing, demand: .parametersAndInput)
        let (_, pullback) = try fixture.encoder().forward(fixture.batch, adapters: .none, pass)
        let dx = pullback(try fixture.dy(), &gradients)
        #expect(try fixture.difference(dx, from: "dx") < 1e-5, "\(family)")
    }

    @Test(arguments: FamilyFixture.names, Precision.allCases)
    func packedTextsAreTheSameAsOneAtATimeBitForBit(family: String, precision: Precision) throws {
        let fixture = try FamilyFixture(family)
        let encoder = try fixture.encoder(precision)
        let together = encoder.forward(fixture.batch, adapters: .none, Pass(parameters: nothing)).hidden
        for tokens in fixture.batch.sequences {
            var alone = PackedBatch()
            alone.append(tokens: Array(fixture.batch.tokens[tokens]), segments: Array(fixture.batch.segments[tokens]))
            let values = encoder.forward(alone, adapters: .none, Pass(parameters: nothing)).hidden.values
            #expect(values == tokens.flatMap { together.row($0) }, "\(tokens.count) tokens of \(family)")
        }
    }

    @Test(arguments: FamilyFixture.names)
    func roundedWeightsAreNearTransformers(family: String) throws {
        let fixture = try FamilyFixture(family)
        for (precision, allowed) in [(Precision.bfloat16, 0.03 as Float), (.int8, 0.06)] {
            let encoder = try fixture.encoder(precision)
            let found = encoder.forward(fixture.batch, adapters: .none, Pass(parameters: nothing)).hidden
            let rows = try fixture.golden.integers("rows").flatMap { found.row($0) }
            let error = Float(Closeness.relativeError(rows, try fixture.golden.floats("last")))
            #expect(error < allowed && error > 1e-4, "\(family) in \(precision)")
        }
    }

    /// Prefixes of task models, weights in float16 and bfloat16, shards, a decoder beside the encoder.
    @Test(arguments: FamilyFixture.tasks)
    func theEncoderInATaskModelsCheckpointEqualsTransformers(task: String) throws {
        let fixture = try FamilyFixture(task)
        let found = try fixture.encoder().forward(fixture.batch, adapters: .none, Pass(parameters: nothing)).hidden
        #expect(Closeness.differenceOfLargest(found.values, try fixture.golden.floats("last")) < 1e-5, "\(task)")
    }
}
