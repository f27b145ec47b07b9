import Matrices
import Testing

@Suite struct RandomStreamTests {
    @Test func aStreamDependsOnSeedAndNameAlone() {
        func draw(_ seed: UInt64, _ name: String) -> [UInt64] {
            var stream = RandomStream(seed: seed, name: name)
            return (0..<4).map { _ in stream.next() }
        }
        #expect(draw(0, "a") == draw(0, "a"))
        #expect(Set([draw(0, "a"), draw(1, "a"), draw(0, "b"), draw(0, "")]).count == 4)
    }

    @Test func uniformNumbersFillTheUnitInterval() {
        var stream = RandomStream(seed: 3, name: "uniform")
        let numbers = (0..<10_000).map { _ in stream.uniform() }
        #expect(numbers.allSatisfy { 0 <= $0 && $0 < 1 })
        #expect(abs(numbers.reduce(0, +) / 10_000 - 0.5) < 0.02)
    }

    @Test func normalNumbersHaveMeanZeroAndDeviationOne() {
        var stream = RandomStream(seed: 3, name: "normal")
        let numbers = (0..<10_000).map { _ in stream.normal() }
        #expect(abs(numbers.reduce(0, +) / 10_000) < 0.05)
        #expect(abs(numbers.reduce(0) { $0 + $1 * $1 } / 10_000 - 1) < 0.05)
    }

    @Test func aPermutationHasEveryNumberOnce() {
        var stream = RandomStream(seed: 5, name: "order")
        let order = stream.permutation(100)
        #expect(order.sorted() == Array(0..<100))
        #expect(order != Array(0..<100))
    }
}
