import CKernels
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Threads that stay awake while one of them, the leader, works on something made of many short loops.
///
/// Waking a thread takes ten to twenty microseconds, and an encoder has some forty products for a text: a short one would be
/// done before the second thread is. So the others look for the leader's next loop without going to sleep, for the few
/// milliseconds that its work takes; where it lets them wait for long, they let other threads have the processor.
final class ThreadTeam: @unchecked Sendable {
    /// The running loop's number, whether it may still be entered, and how many helpers are in it: one word, so that no
    /// helper enters a loop that its leader takes for done.
    private let gate = Atomic<UInt64>(0)
    private let nextIndex = Atomic<Int>(0)
    private let isFinished = Atomic<Bool>(false)
    private let isLed = Atomic<Bool>(false)
    /// The running loop: changed by the leader alone, and only while no helper is in it.
    private var (count, body): (Int, ((Int) -> Void)?) = (0, nil)
    /// What the leader works on in it.
    private var part: Profile.Part?

    private static let open: UInt64 = 1 << 31
    private static let helpers: UInt64 = open - 1
    private static let number: UInt64 = 1 << 32

    /// The team that the calling thread leads.
    static var led: ThreadTeam? {
        graft_led_team().map { Unmanaged<ThreadTeam>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Joins in: the first to come leads and runs `work`, the others help until that is done.
    func join(leading work: () -> Void) {
        guard isLed.exchange(true, ordering: .relaxed) else {
            graft_set_led_team(Unmanaged.passUnretained(self).toOpaque())
            work()
            graft_set_led_team(nil)
            isFinished.store(true, ordering: .releasing)
            return
        }
        var pause = Pause()
        var last: UInt64 = 0
        while !isFinished.load(ordering: .acquiring) {
            let state = gate.load(ordering: .acquiring)
            let isNew = state & ThreadTeam.open != 0 && state / ThreadTeam.number != last
            guard isNew, enter(state) else {
                pause.wait()
                continue
            }
            let mark = Profile.help(part)
            takeIndices(body)
            mark.leave()
            gate.subtract(1, ordering: .releasing)
            last = state / ThreadTeam.number
            pause = Pause()
        }
    }

    private func enter(_ state: UInt64) -> Bool {
        gate.compareExchange(expected: state, desired: state + 1, ordering: .acquiringAndReleasing).exchanged
    }

    /// Shares a loop among the team; called by the leader.
    func forEach(_ count: Int, _ body: (Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            (self.count, self.body, part) = (count, body, Profile.part)
            nextIndex.store(0, ordering: .relaxed)
            let number = gate.load(ordering: .relaxed) / ThreadTeam.number &+ 1
            gate.store(number << 32 | ThreadTeam.open, ordering: .releasing)
            takeIndices(body)
            gate.bitwiseAnd(~ThreadTeam.open, ordering: .acquiringAndReleasing)
            let waiting = Profile.enter(.waiting)
            var pause = Pause()
            while gate.load(ordering: .acquiring) & ThreadTeam.helpers != 0 { pause.wait() }
            waiting.leave()
            self.body = nil
        }
    }

    private func takeIndices(_ body: ((Int) -> Void)?) {
        guard let body else { return }
        graft_set_inside_parallel_loop(true)
        defer { graft_set_inside_parallel_loop(false) }
        while true {
            let index = nextIndex.add(1, ordering: .relaxed).oldValue
            guard index < count else { return }
            body(index)
        }
    }

    /// Waiting for another thread: some fifty microseconds at full attention, then giving way to others.
    private struct Pause {
        private var rounds = 0

        mutating func wait() {
            rounds += 1
            if rounds < 2000 { graft_relax() } else { sched_yield() }
        }
    }
}
