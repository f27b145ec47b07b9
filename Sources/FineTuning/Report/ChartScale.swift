import Foundation

/// A range of numbers along an axis of a chart, with round numbers to mark.
struct ChartScale {
    /// The numbers at the ends.
    let range: ClosedRange<Double>
    /// The numbers to mark.
    let ticks: [Double]
    /// Where the ends lie in the drawing.
    private let place: (start: Double, end: Double)

    /// An axis from `start` to `end` that holds `values`, with about so many marks.
    ///
    /// With `isTight` it ends at the values, otherwise at marks.
    init(_ values: [Double], from start: Double, to end: Double, marks: Int, isTight: Bool = false) {
        place = (start, end)
        var (low, high) = (values.min() ?? 0, values.max() ?? 1)
        if high - low < max(abs(high), abs(low)) * 1e-9 || high == low {
            let margin = max(abs(high) * 0.1, 1e-6)
            (low, high) = (low - margin, high + margin)
        }
        let step = ChartScale.roundStep((high - low) / Double(max(marks, 1)))
        let first = isTight ? (low / step).rounded(.up) : (low / step).rounded(.down)
        let last = isTight ? (high / step).rounded(.down) : (high / step).rounded(.up)
        // Counted in whole steps, so that marks are the round numbers themselves.
        ticks = first <= last ? stride(from: first, through: last, by: 1).map { $0 * step } : []
        range = isTight ? low...high : first * step...last * step
    }

    /// Where a number lies in the drawing.
    func position(_ value: Double) -> Double {
        let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
        return place.start + share * (place.end - place.start)
    }

    /// The next of 1, 2, 5 times a power of ten.
    private static func roundStep(_ step: Double) -> Double {
        let power = pow(10, log10(step).rounded(.down))
        let digit = step / power
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10)
    }
}
