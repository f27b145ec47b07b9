/// Floats at a fixed place, so that kernels may read and write them in place.
final class KernelNumbers {
    let start: UnsafeMutablePointer<Float>
    let count: Int

    init(_ values: [Float]) {
        count = values.count
        start = .allocate(capacity: max(count, 1))
        for (index, value) in values.enumerated() {
            (start + index).initialize(to: value)
        }
    }

    convenience init(repeating value: Float, count: Int) {
        self.init(Array(repeating: value, count: count))
    }

    deinit {
        start.deallocate()
    }

    var values: [Float] { Array(UnsafeBufferPointer(start: start, count: count)) }
    var bits: [UInt32] { values.map(\.bitPattern) }
    var doubles: [Double] { values.map(Double.init) }
}

/// The same numbers for the same seed: SplitMix64.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> KernelNumbers {
        KernelNumbers((0..<count).map { _ in Float.random(in: range, using: &self) })
    }
}

/// The largest |found − expected| / (1 + |expected|); infinite if a number is not one.
func largestDifference(_ found: [Float], _ expected: [Double]) -> Double {
    zip(found, expected).reduce(0) { largest, pair in
        let difference = abs(Double(pair.0) - pair.1) / (1 + abs(pair.1))
        return difference.isNaN ? .infinity : max(largest, difference)
    }
}
