/// Times a piece of work by doing it again and again.
package struct Repetition: Sendable {
    /// Work goes on for at least so many seconds in all, after one run that does not count.
    package let seconds: Double
    /// The least number of runs that count.
    package let least: Int

    package init(seconds: Double, least: Int = 3) { (self.seconds, self.least) = (seconds, least) }

    /// The median seconds of a run: what a disturbance of the machine does not move.
    package func median(_ body: () throws -> Void) rethrows -> Double {
        try times(body).median
    }

    /// The seconds of the fastest run: what the machine can do.
    package func best(_ body: () throws -> Void) rethrows -> Double {
        try times(body).min() ?? 0
    }

    private func times(_ body: () throws -> Void) rethrows -> [Double] {
        try body()
        var times: [Double] = []
        var total = 0.0
        while times.count < least || total < seconds {
            let time = try Repetition.time(body)
            times.append(time)
            total += time
        }
        return times
    }

    /// The seconds of one run.
    package static func time(_ body: () throws -> Void) rethrows -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        try body()
        return (clock.now - start) / .seconds(1)
    }
}

extension [Double] {
    /// The middle of the sorted numbers, the mean of the two where there is no middle; 0 of none.
    package var median: Double {
        guard !isEmpty else { return 0 }
        let sorted = sorted()
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
    }
}
