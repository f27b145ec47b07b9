import Dispatch
import Matrices
import Synchronization
import Testing

@Suite(.serialized) struct ThreadTeamTests {
    private func withThreads<Result>(_ count: Int, _ body: () -> Result) -> Result {
        let before = Parallel.threads
        defer { Parallel.threads = before }
        Parallel.threads = count
        return body()
    }

    @Test(arguments: [1, 2, 5])
    func everyIndexOfEveryLoopIsDoneOnceBeforeTheLoopReturns(threads: Int) {
        withThreads(threads) {
            let sums = Parallel.keepingAwake {
                (0..<2000).map { loop in
                    let done = (0..<loop % 7).map { _ in Counter() }
                    Parallel.forEach(done.count) { done[$0].add() }
                    return done.allSatisfy { $0.value == 1 }
                }
            }
            #expect(sums.count == 2000 && sums.allSatisfy { $0 })
        }
    }

    @Test(arguments: [1, 2, 5])
    func aLoopInsideALoopRunsInOrderOnItsThread(threads: Int) {
        withThreads(threads) {
            let rows = Parallel.keepingAwake {
                Parallel.map(40) { row in
                    var order: [Int] = []
                    let isSerial = Parallel.isSerial
                    Parallel.forEach(5) { order.append(row * 5 + $0) }
                    return isSerial && Parallel.keepingAwake { order.count } == 5 ? order : []
                }
            }
            #expect(rows.flatMap { $0 } == Array(0..<200))
        }
    }

    @Test func itEndsWithItsBody() {
        withThreads(2) {
            #expect(Parallel.keepingAwake { 7 } == 7)
            #expect(Parallel.keepingAwake { Parallel.keepingAwake { Parallel.map(3) { $0 } } } == [0, 1, 2])
            #expect(!Parallel.isSerial, "the thread that asked leads no loop any more")
            #expect(Parallel.map(4) { $0 } == [0, 1, 2, 3])
        }
    }

    @Test func severalTeamsWorkBesideEachOther() {
        withThreads(2) {
            let results = Mutex<[Int]>([])
            DispatchQueue.concurrentPerform(iterations: 8) { _ in
                let sum = Parallel.keepingAwake {
                    (0..<200).reduce(0) { sum, _ in sum + Parallel.map(50) { $0 * $0 }.reduce(0, +) }
                }
                results.withLock { $0.append(sum) }
            }
            #expect(results.withLock { $0 } == [Int](repeating: 200 * 40_425, count: 8))
        }
    }

    /// A counter that several threads may raise.
    private final class Counter: Sendable {
        private let count = Atomic<Int>(0)
        var value: Int { count.load(ordering: .relaxed) }
        func add() { count.add(1, ordering: .relaxed) }
    }
}
