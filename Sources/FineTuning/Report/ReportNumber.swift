import Foundation

/// Numbers as a report writes them.
enum ReportNumber {
    /// A score: four digits behind the point, as the command prints it.
    static func score(_ value: Double) -> String { String(format: "%.4f", value).replacing("-", with: "−") }

    /// As few digits as tell it from its neighbours on an axis, or in a table of settings: 0.25, 12k, 5e-05.
    static func short(_ value: Double) -> String {
        if value == 0 { return "0" }
        let size = abs(value)
        if size >= 1000, size < 1e7 {
            let text = size < 10_000 ? String(format: "%.4g", value) : String(format: "%.4gk", value / 1000)
            return text.replacing("-", with: "−")
        }
        return String(format: "%.3g", value).replacing("e-0", with: "e-").replacing("e+0", with: "e")
            .replacing("-", with: "−")
    }

    /// A difference with its sign: of shares in points of a hundred, of other figures as it is.
    static func difference(_ value: Double, of metric: String) -> String {
        let points = ReportNumber.isShare(metric)
        let text = points ? String(format: "%+.1f", value * 100) : String(format: "%+.4f", value)
        return text.replacing("-", with: "−") + (points ? " points" : "")
    }

    /// Whether a figure is a share of texts or words, of which differences are told in points: errors and correlations are not.
    static func isShare(_ metric: String) -> Bool {
        let shares: Set<String> = ["accuracy", "f1", "precision", "recall"]
        return metric.lowercased().split { !$0.isLetter && !$0.isNumber }.contains { shares.contains(String($0)) }
    }

    /// A share of one in percent: 0.65 %, 12 %, 100 %.
    static func percent(_ share: Double) -> String {
        String(format: share * 100 >= 9.95 || share == 0 ? "%.0f %%" : "%.2g %%", share * 100)
    }

    /// How many times as much: 14 times, 1.3 times.
    static func times(_ factor: Double) -> String {
        String(format: factor >= 9.95 ? "%.0f" : "%.1f", factor) + " times"
    }
}
