import Foundation

/// Seeded random numbers that depend on (seed, name) alone: not on what was drawn elsewhere, nor on the order.
///
/// Each trained tensor, each shuffle and each dropout mask has a stream of its own, so adding one changes no other.
/// SplitMix64 (Steele, Lea and Flood 2014) behind an FNV-1a hash of the name.
public struct RandomStream: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The stream called `name` of this seed.
    public init(seed: UInt64, name: String) {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        state = RandomStream.mix(seed &+ 0x9e37_79b9_7f4a_7c15) ^ hash
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return RandomStream.mix(state)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// Uniform in [0, 1), of 24 random bits.
    public mutating func uniform() -> Float {
        Float(next() >> 40) * 0x1p-24
    }

    /// Normal with mean 0 and deviation 1, by Box and Muller's method in double precision.
    public mutating func normal() -> Float {
        let radius = (-2 * log(1 - Double(next() >> 11) * 0x1p-53)).squareRoot()
        return Float(radius * cos(2 * .pi * Double(next() >> 11) * 0x1p-53))
    }

    /// The numbers below `count`, shuffled (Fisher and Yates).
    public mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        for last in stride(from: count - 1, to: 0, by: -1) {
            order.swapAt(last, Int(next() % UInt64(last + 1)))
        }
        return order
    }
}
