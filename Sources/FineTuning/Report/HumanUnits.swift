import Foundation

/// Numbers as people read them.
package enum HumanUnits {
    /// Bytes in decimal units: 999 B, 1.2 MB, 91 MB.
    package static func bytes(_ count: Int) -> String {
        if count.magnitude < 1000 { return "\(count) B" }
        var value = Double(count)
        var unit = "B"
        // Rounding must not lead to 1000 of a unit.
        for next in ["kB", "MB", "GB", "TB", "PB", "EB"] where abs(value) >= 999.5 {
            value /= 1000
            unit = next
        }
        return String(format: abs(value) < 9.95 ? "%.1f %@" : "%.0f %@", value, unit)
    }

    /// Seconds as a clock shows them: 0:07, 12:45, 1:02:03.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
        let total = Int(seconds.rounded())
        let (hours, minutes, rest) = (total / 3600, total / 60 % 60, total % 60)
        return hours > 0
            ? String(format: "%d:%02d:%02d", hours, minutes, rest) : String(format: "%d:%02d", minutes, rest)
    }

    /// A whole number in groups of three: 12,345.
    package static func count(_ number: Int) -> String {
        let digits = String(number.magnitude)
        var result = ""
        for (place, digit) in digits.enumerated() {
            if place > 0, (digits.count - place) % 3 == 0 { result.append(",") }
            result.append(digit)
        }
        return number < 0 ? "-" + result : result
    }
}
