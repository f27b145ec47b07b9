import CKernels
import Dispatch
import Foundation
import Synchronization

/// Loops shared among threads.
public enum Parallel {
    private static let limit = Atomic<Int>(ProcessInfo.processInfo.activeProcessorCount)

    /// How many threads a loop may use: the processor's cores, unless set. Results do not depend on it.
    public static var threads: Int {
        get { limit.load(ordering: .relaxed) }
        set {
            precondition(newValue > 0, "at least one thread works")
            limit.store(newValue, ordering: .relaxed)
        }
    }

    /// Whether a loop started here would run on one thread: because of the limit, or inside another loop.
    package static var isSerial: Bool { threads == 1 || graft_is_inside_parallel_loop() }

    /// Calls `body` once for each index, each on whichever thread is free next; returns when all are done.
    ///
    /// A loop inside a loop runs on its own thread, in order: the outer one has the cores already. Whatever `body`
    /// computes must depend on its index alone, so that the same bytes come out on any number of threads.
    package static func forEach(_ count: Int, _ body: (Int) -> Void) {
        guard count > 1, !isSerial else {
            for index in 0..<count { body(index) }
            return
        }
        if let team = ThreadTeam.led { return team.forEach(count, body) }
        let next = Atomic<Int>(0)
        // Helping threads are charged with the part that the caller is at; the caller, from its own end on, waits.
        let part = Profile.part
        let waiting = Profile.enter(.waiting)
        defer { waiting.leave() }
        withoutActuallyEscaping(body) { body in
            // Bodies write through views to places of their own, which the type system cannot see.
            nonisolated(unsafe) let body = body
            DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
                graft_set_inside_parallel_loop(true)
                defer { graft_set_inside_parallel_loop(false) }
                let mark = Profile.help(part)
                defer { mark.leave() }
                while true {
                    let index = next.add(1, ordering: .relaxed).oldValue
                    guard index < count else { return }
                    body(index)
                }
            }
        }
    }

    /// The result of `body`, whose loops are short and many: the threads that share them are not woken for each, but stay
    /// awake until `body` returns.
    package static func keepingAwake<Result>(_ body: () -> Result) -> Result {
        guard !isSerial, ThreadTeam.led == nil else { return body() }
        let team = ThreadTeam()
        // Whichever thread leads is charged with the caller's part, the others with that of the leader's loops.
        let part = Profile.part
        let waiting = Profile.enter(.waiting)
        defer { waiting.leave() }
        var result: Result?
        withoutActuallyEscaping(body) { body in
            // The one leader writes the result, and it is read when all have returned.
            nonisolated(unsafe) let body = body
            withUnsafeMutablePointer(to: &result) { result in
                nonisolated(unsafe) let result = result
                DispatchQueue.concurrentPerform(iterations: threads) { _ in
                    team.join {
                        let mark = Profile.help(part)
                        defer { mark.leave() }
                        result.pointee = body()
                    }
                }
            }
        }
        guard let result else { preconditionFailure("one of the threads leads") }
        return result
    }

    /// Calls `body` for ranges that cover `0..<count`, each at most `grain` long.
    package static func forEachRange(of count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
        forEach((count + grain - 1) / grain) { index in
            body(index * grain..<min((index + 1) * grain, count))
        }
    }

    /// The results of `body` for each index, in order.
    package static func map<Result>(_ count: Int, _ body: (Int) -> Result) -> [Result] {
        let results = UnsafeMutableBufferPointer<Result>.allocate(capacity: count)
        defer { results.deallocate() }
        forEach(count) { results.initializeElement(at: $0, to: body($0)) }
        defer { results.deinitialize() }
        return Array(results)
    }
}
