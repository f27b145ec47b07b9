import Matrices

/// What this machine's instructions can do at most: multiply-adds on registers alone, nothing read, nothing written.
package struct MachineCeilings: Sendable {
    /// One format's ceiling.
    package struct Ceiling: Sendable {
        /// The format of the factors.
        package let precision: Precision
        /// Whether the kernels in use have an instruction for it; else it is widened first.
        package let isNative: Bool
        /// Operations a second, a multiply-add being two: on one thread, and on all in use at once.
        package let oneThread, allThreads: Double
    }

    /// Threads in use.
    package let threads: Int
    /// One for each format.
    package let ceilings: [Ceiling]

    /// Measures all formats. The fastest of several runs counts: a ceiling is what nothing exceeds.
    package init(_ repetition: Repetition) {
        threads = Parallel.threads
        ceilings = Precision.allCases.map { precision in
            let iterations = MachineCeilings.iterations(precision)
            return Ceiling(
                precision: precision, isNative: Kernels.computes(precision),
                oneThread: MachineCeilings.rate(precision, iterations, threads: 1, repetition),
                allThreads: MachineCeilings.rate(precision, iterations, threads: Parallel.threads, repetition))
        }
    }

    /// The ceiling of a format.
    package subscript(precision: Precision) -> Ceiling {
        guard let ceiling = ceilings.first(where: { $0.precision == precision }) else {
            preconditionFailure("every format has a ceiling")
        }
        return ceiling
    }

    /// Rounds that take some 20 ms: far longer than starting a thread.
    private static func iterations(_ precision: Precision) -> Int {
        var iterations = 1 << 10
        while Repetition.time({ _ = Kernels.runCeilingLoop(precision, iterations: iterations) }) < 0.01 {
            iterations *= 2
        }
        return 2 * iterations
    }

    private static func rate(
        _ precision: Precision, _ iterations: Int, threads: Int, _ repetition: Repetition
    ) -> Double {
        var operations = 0.0
        let seconds = repetition.best {
            operations = Parallel.map(threads) { _ in Kernels.runCeilingLoop(precision, iterations: iterations) }
                .reduce(0, +)
        }
        return operations / seconds
    }
}
