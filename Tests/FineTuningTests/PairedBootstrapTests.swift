import FineTuning
import Matrices
import Testing

@Suite(.serialized) struct PairedBootstrapTests {
    /// The mean over some of the numbers.
    private func mean(_ numbers: [Double], _ chosen: [Int]) -> Double {
        chosen.reduce(0) { $0 + numbers[$1] } / Double(chosen.count)
    }

    private func normals(_ count: Int, seed: UInt64) -> [Double] {
        var random = RandomStream(seed: seed, name: "numbers")
        return (0..<count).map { _ in Double(random.normal()) }
    }

    @Test func ofAMeanItIsAboutTwoStandardErrorsToEitherSide() throws {
        let numbers = normals(400, seed: 1)
        let all = mean(numbers, Array(0..<400))
        let deviation = (numbers.reduce(0) { $0 + ($1 - all) * ($1 - all) } / 400).squareRoot()
        let interval = try #require(PairedBootstrap().interval(texts: 400) { mean(numbers, $0) })
        let error = 1.96 * deviation / 20
        #expect(abs(interval.lowerBound - (all - error)) < 0.1 * error)
        #expect(abs(interval.upperBound - (all + error)) < 0.1 * error)
    }

    @Test func itHoldsTheTruthInAboutNineteenOfTwentyCases() throws {
        let held = try (0..<200).count { seed in
            let numbers = normals(100, seed: UInt64(1000 + seed))
            return try #require(
                PairedBootstrap(draws: 400, seed: UInt64(seed)).interval(texts: 100) { mean(numbers, $0) }
            ).contains(0)
        }
        #expect((180...199).contains(held), "of 200")
    }

    @Test func itIsAFunctionOfTheSeedOnAnyNumberOfThreads() {
        let numbers = normals(50, seed: 2)
        func interval(_ seed: UInt64) -> ClosedRange<Double>? {
            PairedBootstrap(draws: 100, seed: seed).interval(texts: 50) { mean(numbers, $0) }
        }
        let before = Parallel.threads
        defer { Parallel.threads = before }
        Parallel.threads = 1
        let one = interval(0)
        Parallel.threads = 3
        #expect(interval(0) == one && interval(1) != one)
    }

    @Test func drawsWithoutADifferenceAreLeftOut() {
        #expect(PairedBootstrap(draws: 20).interval(texts: 3) { _ in nil } == nil)
        #expect(PairedBootstrap(draws: 20).interval(texts: 3) { $0[0] == 0 ? .nan : 1 } == 1...1)
    }
}
