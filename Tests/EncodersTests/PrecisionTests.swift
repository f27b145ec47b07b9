import Encoders
import Foundation
import Matrices
import Testing
import TestSupport

/// Frozen weights in bfloat16 and int8: near float32, and as independent of company as float32 is.
@Suite struct PrecisionTests {
    private static let rounded: [(precision: Precision, states: Double, gradient: Double)] = [
        (.bfloat16, 0.01, 0.02), (.int8, 0.03, 0.05),
    ]

    private func load(_ precision: Precision) throws -> TransformerEncoder {
        try TransformerEncoder(contentsOf: TinyEncoder.folder, precision: precision)
    }

    @Test(arguments: rounded)
    func statesAndGradientsAreNearTheGoldens(precision: Precision, states: Double, gradient: Double) throws {
        let golden = try GoldenFile("encoder/states.safetensors")
        let (encoder, batch) = (try load(precision), try golden.batch())
        for (layer, state) in encoder.hiddenStates(batch).enumerated() {
            let error = Closeness.relativeError(state.values, try golden.floats("hidden.\(layer)"))
            #expect(error < states, "layer \(layer)")
            // The embeddings are float32 always; what follows shows that the weights were rounded.
            #expect(layer == 0 ? error < 1e-5 : error > 1e-4, "layer \(layer)")
        }
        var nothing = ParameterVector([])
        let (_, pullback) = encoder.forward(
            batch, adapters: .none, Pass(parameters: nothing, demand: .parametersAndInput))
        let dx = pullback(try golden.matrix("dy"), &nothing)
        #expect(Closeness.relativeError(dx.values, try golden.floats("dx")) < gradient)
    }

    @Test(arguments: Precision.allCases)
    func packedTextsAreTheSameAsOneAtATimeBitForBit(precision: Precision) throws {
        let batch = try GoldenFile("encoder/states.safetensors").batch()
        let encoder = try load(precision)
        let pass = Pass(parameters: ParameterVector([]))
        let together = encoder.forward(batch, adapters: .none, pass).hidden
        for tokens in batch.sequences {
            var alone = PackedBatch()
            alone.append(tokens: Array(batch.tokens[tokens]), segments: Array(batch.segments[tokens]))
            let values = encoder.forward(alone, adapters: .none, pass).hidden.values
            #expect(values == tokens.flatMap { together.row($0) })
        }
    }

    @Test func theFingerprintIsThatOfTheFileWhateverThePrecision() throws {
        let fingerprints = try Precision.allCases.map { try load($0).fingerprint }
        #expect(Set(fingerprints).count == 1)
        #expect(try Precision.allCases.map { try load($0).precision } == Precision.allCases)
    }

    @Test func evenedOutColumnsHaveTheSameProduct() {
        var random = RandomStream(seed: 4, name: "evened")
        func numbers(_ rows: Int, _ columns: Int) -> Matrix {
            Matrix(rows: rows, columns: columns, values: (0..<rows * columns).map { _ in Float(random.normal()) })
        }
        let (weight, x, dy) = (numbers(20, 30), numbers(7, 30), numbers(7, 20))
        let factors = (0..<30).map { 0.1 + 0.3 * Float($0) }
        let plain = FrozenLinear(bias: [Float](repeating: 1, count: 20), precision: .float32) { weight }
        let evened = FrozenLinear(
            bias: [Float](repeating: 1, count: 20), precision: .float32, inputFactors: factors
        ) { weight }
        let pass = Pass(parameters: ParameterVector([]), demand: .parametersAndInput)
        func run(_ map: FrozenLinear) -> (y: [Float], dx: [Float]) {
            let (y, pullback) = map.forward(LinearInput(x, for: map), pass)
            var (dx, nothing) = (Matrix(rows: 7, columns: 30), ParameterVector([]))
            dx.withMutableView {
                var gradient = InputGradient(into: $0)
                pullback(dy, &nothing, &gradient)
            }
            return (y.values, dx.values)
        }
        let (expected, found) = (run(plain), run(evened))
        #expect(Closeness.relativeError(found.y, expected.y) < 1e-5)
        #expect(found.dx == expected.dx, "the way back reads the weight as it is")
        #expect(evened.weight == weight)
    }
}
