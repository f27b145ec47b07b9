import Matrices

/// Where the difference between two models' scores lies, were it measured on endlessly many texts like these: by drawing as
/// many of the texts, with replacement, again and again, and scoring both models on each draw (Efron and Tibshirani 1993;
/// for comparing models Koehn 2004).
///
/// The same texts are drawn for both, so what makes a text hard for both plays no part. Draws are a function of the seed.
package struct PairedBootstrap: Sendable {
    /// How many draws.
    package let draws: Int
    /// Where the draws come from.
    package let seed: UInt64

    /// So many draws of this seed.
    package init(draws: Int = 1000, seed: UInt64 = 0) { (self.draws, self.seed) = (draws, seed) }

    /// The middle 95 % of the differences of so many texts' draws; nil where no draw has a difference.
    ///
    /// - Parameter difference: of the scores on the texts at some indices, among which a text may be several times; nil where there is
    ///   none: a correlation of texts that are all alike, say.
    package func interval(texts count: Int, _ difference: ([Int]) -> Double?) -> ClosedRange<Double>? {
        precondition(count > 0 && draws > 0, "there are texts to draw from")
        let differences = Parallel.map(draws) { draw -> Double? in
            var random = RandomStream(seed: seed, name: "bootstrap.\(draw)")
            return difference((0..<count).map { _ in Int(random.next() % UInt64(count)) })
        }
        let sorted = differences.compactMap { $0 }.filter(\.isFinite).sorted()
        guard !sorted.isEmpty else { return nil }
        return PairedBootstrap.quantile(0.025, of: sorted)...PairedBootstrap.quantile(0.975, of: sorted)
    }

    /// The number below which a share of `sorted` lies, on the line between the two nearest: as `numpy.quantile` has it.
    private static func quantile(_ share: Double, of sorted: [Double]) -> Double {
        let place = share * Double(sorted.count - 1)
        let below = Int(place)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
    }
}
