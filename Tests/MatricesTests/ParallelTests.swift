import Matrices
import Synchronization
import Testing

@Suite struct ParallelTests {
    @Test func everyIndexIsVisitedOnce() {
        for count in [0, 1, 2, 3, 1000] {
            let visits = (0..<count).map { _ in Counter() }
            Parallel.forEach(count) { visits[$0].add() }
            #expect(visits.allSatisfy { $0.value == 1 })
        }
    }

    @Test func resultsComeInTheOrderOfTheirIndices() {
        #expect(Parallel.map(500) { $0 * $0 } == (0..<500).map { $0 * $0 })
    }

    @Test func aLoopInsideALoopStaysOnItsThread() {
        let isInnerSerial = Parallel.map(8) { _ in Parallel.isSerial }
        #expect(isInnerSerial.allSatisfy { $0 })
    }

    @Test func rangesCoverTheWholeWithoutOverlap() {
        let visits = (0..<103).map { _ in Counter() }
        Parallel.forEachRange(of: 103, grain: 10) { range in
            #expect(range.count <= 10)
            for index in range { visits[index].add() }
        }
        #expect(visits.allSatisfy { $0.value == 1 })
    }

    private final class Counter: Sendable {
        private let count = Atomic<Int>(0)
        func add() { count.add(1, ordering: .relaxed) }
        var value: Int { count.load(ordering: .relaxed) }
    }
}
