import Matrices

/// How far two lists of numbers are apart.
public enum Closeness {
    /// The largest difference.
    public static func largestDifference(_ found: [Float], _ expected: [Float]) -> Float {
        precondition(found.count == expected.count, "\(found.count) numbers compared with \(expected.count)")
        return zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    /// The largest difference, of the largest number expected.
    public static func differenceOfLargest(_ found: [Float], _ expected: [Float]) -> Float {
        largestDifference(found, expected) / expected.reduce(0) { max($0, abs($1)) }
    }

    /// |found − expected| / |expected|, with Euclidean norms: the error of a gradient as a whole.
    public static func relativeError(_ found: [Float], _ expected: [Float]) -> Double {
        precondition(found.count == expected.count, "\(found.count) numbers compared with \(expected.count)")
        let square = { (sum: Double, value: Double) in sum + value * value }
        let difference = zip(found, expected).map { Double($0) - Double($1) }.reduce(0, square)
        return (difference / max(expected.map(Double.init).reduce(0, square), .leastNormalMagnitude)).squareRoot()
    }
}
