/// Coordinates in a drawing.
enum ChartNumber {
    /// With at most one digit behind the point: a tenth of a unit is less than a pixel.
    static func text(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        let whole = tenths / 10
        return tenths % 10 == 0 ? "\(whole)" : "\(tenths < 0 && whole == 0 ? "-" : "")\(whole).\(abs(tenths % 10))"
    }
}
