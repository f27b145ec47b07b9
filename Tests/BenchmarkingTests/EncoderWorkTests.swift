import Benchmarking
import Encoders
import TestSupport
import Testing

/// The tiny encoder: 3 layers, 32 wide, 64 in the feed-forward block. A layer has 4 · 32 · 32 + 2 · 32 · 64 = 8,192 weights.
@Suite struct EncoderWorkTests {
    private let lengths = [5, 11]
    private let tokens = 16.0
    /// 5² + 11²
    private let squares = 146.0

    private func work() throws -> EncoderWork { EncoderWork(try TinyEncoder.load().config, lengths: lengths) }

    private func site(_ layer: Int, _ projection: Projection) -> Site { Site(layer: layer, projection: projection) }

    @Test func forwardCountsWeightsForEachTokenAndScoresForEachPair() throws {
        // Q Kᵀ and P V: 2 · 2 · length² · 32 each text and layer.
        #expect(try work().forward == 3 * (2 * 8192 * tokens + 4 * squares * 32))
    }

    @Test func backwardStopsAtTheAdaptersOfTheLowestLayer() throws {
        let forward = try work().forward
        let layer = 2 * 8192 * tokens + 8 * squares * 32
        // Through output, intermediate and attention's output; dV, dP and dQ.
        let lowest = 2 * (2 * 32 * 64 + 32 * 32) * tokens + 6 * squares * 32
        let queryAndValue = (0..<3).flatMap { [site($0, .query), site($0, .value)] }
        #expect(try work().training(queryAndValue) == forward + lowest + 2 * layer)
        #expect(try work().training([site(2, .query), site(2, .value)]) == forward + lowest)
    }

    @Test(
        arguments: [
            (.value, 2.0 * (2 * 32 * 64 + 32 * 32), 2.0), (.key, 2 * (2 * 32 * 64 + 32 * 32), 4),
            (.attentionOutput, 2 * (2 * 32 * 64), 0), (.intermediate, 2 * 32 * 64, 0), (.output, 0, 0),
        ] as [(Projection, Double, Double)])
    func theLowestLayerIsWalkedAsFarAsItHasAdapters(
        projection: Projection, linear: Double, attention: Double
    ) throws {
        let expected = try work().forward + linear * tokens + attention * squares * 32
        #expect(try work().training([site(2, projection)]) == expected)
    }

    @Test func aHeadAloneTakesNoBackwardThroughTheEncoder() throws {
        #expect(try work().training([]) == work().forward)
    }
}
