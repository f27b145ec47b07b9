import Encoders
import Matrices
import Testing
import TestSupport

@Suite struct DropoutTests {
    private func hidden(step: Int, drops: Bool = true) throws -> [Float] {
        let batch = try GoldenFile("encoder/states.safetensors").batch()
        let pass = Pass(
            parameters: ParameterVector([]), dropout: DropoutKey(seed: 1, step: step), dropsInsideEncoder: drops)
        return try TinyEncoder.load().forward(batch, adapters: .none, pass).hidden.values
    }

    @Test func aMaskIsAFunctionOfSeedAndStep() throws {
        #expect(try hidden(step: 3) == hidden(step: 3))
        #expect(try hidden(step: 3) != hidden(step: 4))
    }

    @Test func theFlagTurnsDropoutInsideTheEncoderOff() throws {
        let batch = try GoldenFile("encoder/states.safetensors").batch()
        let plain = try TinyEncoder.load().forward(
            batch, adapters: .none, Pass(parameters: ParameterVector([]))
        ).hidden.values
        #expect(try hidden(step: 3, drops: false) == plain)
        #expect(try hidden(step: 3) != plain)
    }

    /// The mean over many masks comes near the state without any: what is kept is scaled up by what is dropped.
    @Test func droppedStatesAreRightOnAverage() throws {
        let batch = try GoldenFile("encoder/states.safetensors").batch()
        let encoder = try TinyEncoder.load()
        let plain = encoder.hiddenStates(batch)[0].values
        var mean = [Float](repeating: 0, count: plain.count)
        let masks = 400
        for step in 0..<masks {
            let pass = Pass(parameters: ParameterVector([]), dropout: DropoutKey(seed: 7, step: step))
            let dropped = encoder.hiddenStates(batch, pass)[0].values
            for index in mean.indices { mean[index] += dropped[index] / Float(masks) }
        }
        // One deviation of the mean is |x|/60 here; four of them on average are far beyond chance.
        #expect(Closeness.relativeError(mean, plain) < 4.0 / 60)
    }
}
