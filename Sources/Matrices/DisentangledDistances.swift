import Foundation

/// Which row of the tables of relative positions stands for the distance of two tokens, in DeBERTa.
///
/// Either each distance has a row, up to the furthest; or the nearer half of the rows have a distance each, and further
/// distances share rows by their logarithm (`make_log_bucket_position` of transformers).
package struct DisentangledDistances: Sendable, Equatable {
    /// Rows for each direction: a table has twice as many.
    package let span: Int
    private let isLogarithmic: Bool
    /// From here on all distances share the last row.
    private let maximum: Int

    /// `buckets` is `position_buckets`, nil where it is not above 0; `maximum` is `max_relative_positions`, or where that is
    /// not above 0, `max_position_embeddings`.
    package init(buckets: Int?, maximum: Int) {
        precondition(maximum > 0 && buckets ?? 2 > 1, "distances have rows in either direction")
        (span, isLogarithmic, self.maximum) = (buckets ?? maximum, buckets != nil, maximum)
    }

    /// Of query's position − key's.
    package func row(_ distance: Int) -> Int {
        let place = isLogarithmic ? bucket(distance) : distance
        return min(max(place + span, 0), 2 * span - 1)
    }

    private func bucket(_ distance: Int) -> Int {
        let (size, middle) = (abs(distance), span / 2)
        guard size > middle else { return distance }
        // In float32 step by step, as the numbers are in PyTorch.
        let share =
            DisentangledDistances.logarithm(Float(size) / Float(middle))
            / DisentangledDistances.logarithm(Float(Double(maximum - 1) / Double(middle)))
        return Int((share * Float(middle - 1)).rounded(.up) + Float(middle)) * distance.signum()
    }

    private static func logarithm(_ x: Float) -> Float { Float(log(Double(x))) }
}
