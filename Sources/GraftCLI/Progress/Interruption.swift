import Dispatch
import Foundation
import Synchronization

/// Watches for Ctrl-C while it is alive: the first asks the work to stop cleanly, the second ends the program at once.
///
/// The work asks `isRequested` between steps. One at a time: the signal belongs to the whole program.
package final class Interruption: Sendable {
    private let requests = Atomic<Int>(0)
    /// Dispatch sources may be used from any thread, but are not declared so everywhere.
    private nonisolated(unsafe) let source: any DispatchSourceSignal

    /// - Parameters:
    ///   - onFirst: what to say when the work is asked to stop; called on another thread.
    ///   - onSecond: ends the program, with the exit code of a program that SIGINT has ended.
    package init(
        onFirst: @escaping @Sendable () -> Void, onSecond: @escaping @Sendable () -> Void = { _exit(128 + SIGINT) }
    ) {
        // Otherwise the signal would end the program before it is read.
        signal(SIGINT, SIG_IGN)
        source = DispatchSource.makeSignalSource(
            signal: SIGINT, queue: DispatchQueue(label: "graft.interruption", qos: .userInteractive))
        let isWatching = DispatchSemaphore(value: 0)
        source.setRegistrationHandler { isWatching.signal() }
        source.setEventHandler { [weak self] in
            guard let self else { return }
            // Several signals may arrive as one event.
            for _ in 0..<source.data {
                switch requests.add(1, ordering: .relaxed).newValue {
                case 1: onFirst()
                case 2: onSecond()
                default: break
                }
            }
        }
        source.activate()
        isWatching.wait()
    }

    deinit {
        source.cancel()
        signal(SIGINT, SIG_DFL)
    }

    /// Whether the work should stop.
    package var isRequested: Bool { requests.load(ordering: .relaxed) > 0 }
}
