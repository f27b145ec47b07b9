import Dispatch
import Foundation
import GraftCLI
import Testing

@Suite struct InterruptionTests {
    @Test func asksToStopAtTheFirstSignalAndEndsAtTheSecond() {
        let (first, second) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let interruption = Interruption(onFirst: { first.signal() }, onSecond: { second.signal() })
        #expect(!interruption.isRequested)
        kill(getpid(), SIGINT)
        first.wait()
        #expect(interruption.isRequested)
        kill(getpid(), SIGINT)
        second.wait()
        #expect(interruption.isRequested)
    }
}
