import Dispatch
import Foundation
import Synchronization

/// Where the time of a stretch of work goes, part by part, on all threads: the breakdown that `graft benchmark` prints.
///
/// Code says which part it is by two lines, `let mark = Profile.enter(.norm)` and `defer { mark.leave() }`. A part within
/// a part stops the clock of the outer one, so that each nanosecond of a thread belongs to exactly one part and the parts
/// add up. What is recorded is the thread that started it and the threads that help it in loops, no others. While nothing
/// is recorded, which is always but in the benchmark, entering costs the test of one flag.
package enum Profile {
    /// What a thread can be busy with.
    package enum Part: Int, CaseIterable, Sendable {
        /// Products of frozen linear maps, x·Wᵀ and dy·W.
        case linearForward
        case linearBackward
        /// Scores, softmax and their use, with the dropout inside.
        case attentionForward
        case attentionBackward
        /// Sums of residuals, dropout and layer norms, which are one walk over the rows, in both directions.
        case norm
        /// GELU, in both directions.
        case activation
        /// What an adapter adds to a frozen linear map, in both directions.
        case adapter
        /// Looking up and adding embeddings.
        case embeddings
        /// Pooling, head and loss, in both directions.
        case head
        /// Summing gradients, clipping, and the optimizer's step.
        case optimizer
        /// Packing and rounding what products read.
        case packing
        /// Cutting text into tokens.
        case tokenizer
        /// Everything else: batches, allocation, calls.
        case rest
        /// Threads that have nothing to do.
        case waiting
    }

    /// The seconds of a stretch of work.
    package struct Times: Sendable {
        /// From start to stop.
        package let wall: Double
        /// The threads that loops could use.
        package let threads: Int
        private let busy: [Part: Double]

        fileprivate init(wall: Double, threads: Int, busy: [Part: Double]) {
            (self.wall, self.threads) = (wall, threads)
            var busy = busy
            // What is left of all threads' time, they were not at work at all.
            busy[.waiting, default: 0] += wall * Double(threads) - busy.values.reduce(0, +)
            self.busy = busy
        }

        /// The share of `wall` that all threads together spent on a part. The parts add up to `wall`.
        package subscript(part: Part) -> Double { (busy[part] ?? 0) / Double(threads) }
    }

    /// Ends a part; made by ``enter(_:)``.
    package struct Mark {
        fileprivate let clock: ThreadClock?
        fileprivate let outer: Part?

        /// Goes back to the part that was being worked on before.
        package func leave() {
            if let clock { _ = clock.turn(to: outer) }
        }
    }

    private static let isRecording = Atomic<Bool>(false)
    private static let begin = Atomic<UInt64>(0)

    /// The calling thread works on `part` from here on, until the mark is left.
    package static func enter(_ part: Part) -> Mark {
        guard isRecording.load(ordering: .relaxed) else { return Mark(clock: nil, outer: nil) }
        let clock = ThreadClock.current
        guard let outer = clock.part else { return Mark(clock: nil, outer: nil) }
        _ = clock.turn(to: part)
        return Mark(clock: clock, outer: outer)
    }

    /// What the calling thread works on: what threads that help it are to be charged with. Nil if it is not recorded.
    static var part: Part? { isRecording.load(ordering: .relaxed) ? ThreadClock.current.part : nil }

    /// The calling thread helps one that works on `part`, until the mark is left; nil: one that is not recorded.
    static func help(_ part: Part?) -> Mark {
        guard let part else { return Mark(clock: nil, outer: nil) }
        let clock = ThreadClock.current
        let mark = Mark(clock: clock, outer: clock.part)
        _ = clock.turn(to: part)
        return mark
    }

    /// Starts recording, with the calling thread at ``Part/rest``. One stretch is recorded at a time, and none of its work
    /// is running yet.
    package static func start() {
        precondition(!isRecording.load(ordering: .relaxed), "one stretch of work is recorded at a time")
        ThreadClock.resetAll()
        isRecording.store(true, ordering: .relaxed)
        begin.store(ThreadClock.current.turn(to: .rest), ordering: .relaxed)
    }

    /// Ends recording, on the thread that started it.
    package static func stop() -> Times {
        precondition(isRecording.load(ordering: .relaxed), "recording was started")
        let wall = ThreadClock.current.turn(to: nil) - begin.load(ordering: .relaxed)
        isRecording.store(false, ordering: .relaxed)
        return Times(wall: Double(wall) * 1e-9, threads: Parallel.threads, busy: ThreadClock.sums())
    }
}

/// One thread's nanoseconds by part. Only its own thread writes, and whoever reads the sums has joined the threads.
private final class ThreadClock: @unchecked Sendable {
    /// What the thread works on; nil: nothing that counts.
    private(set) var part: Profile.Part?
    private var since: UInt64 = 0
    /// By the part's raw value.
    private var nanoseconds = zeros

    private static let zeros = [UInt64](repeating: 0, count: Profile.Part.allCases.count)

    /// Charges the time since the last turn to the part until now, and gives the time of this turn.
    func turn(to next: Profile.Part?) -> UInt64 {
        let now = DispatchTime.now().uptimeNanoseconds
        if let part { nanoseconds[part.rawValue] += now - since }
        (part, since) = (next, now)
        return now
    }

    private static let all = Mutex<[ThreadClock]>([])

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let code = pthread_key_create(&key, nil)
        precondition(code == 0, "the system has a thread-local slot left")
        return key
    }()

    /// The clock of the calling thread. Clocks stay in the list: there are as many as threads ever recorded.
    static var current: ThreadClock {
        if let pointer = pthread_getspecific(key) {
            return Unmanaged<ThreadClock>.fromOpaque(pointer).takeUnretainedValue()
        }
        let clock = ThreadClock()
        all.withLock { $0.append(clock) }
        pthread_setspecific(key, Unmanaged.passUnretained(clock).toOpaque())
        return clock
    }

    static func resetAll() {
        all.withLock { clocks in
            for clock in clocks { (clock.part, clock.nanoseconds) = (nil, zeros) }
        }
    }

    static func sums() -> [Profile.Part: Double] {
        all.withLock { clocks in
            var sums: [Profile.Part: Double] = [:]
            for part in Profile.Part.allCases {
                sums[part] = Double(clocks.reduce(0) { $0 + $1.nanoseconds[part.rawValue] }) * 1e-9
            }
            return sums
        }
    }
}
