import Benchmarking
import Testing

@Suite struct RepetitionTests {
    @Test func theMedianIsTheMiddle() {
        #expect([3.0, 1, 2].median == 2)
        #expect([4.0, 1, 3, 2].median == 2.5)
        #expect([Double]().median == 0)
    }

    @Test func oneRunWarmsUpAndTheLeastNumberCounts() {
        var runs = 0
        _ = Repetition(seconds: 0, least: 4).median { runs += 1 }
        #expect(runs == 5)
    }

    @Test func workGoesOnForTheSecondsAskedFor() {
        var total = 0.0
        let clock = ContinuousClock()
        _ = Repetition(seconds: 0.01, least: 1).median {
            let start = clock.now
            while clock.now - start < .milliseconds(1) {}
            total += (clock.now - start) / .seconds(1)
        }
        #expect(total >= 0.01)
    }
}
