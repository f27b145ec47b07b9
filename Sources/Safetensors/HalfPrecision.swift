/// The two 16-bit floating-point formats, to and from `Float`, by integer arithmetic on their bits: exact on every
/// machine, whatever its flush-to-zero mode, and plain enough for the compiler to run eight lanes at once.
///
/// `Float16` would do for one of the two, but Swift has none on Intel Macs.
package enum HalfPrecision {
    /// The value of a binary16 (F16) number; exact, NaN keeps its payload.
    @inline(__always)
    package static func float(half bits: UInt16) -> Float {
        let magnitude = UInt32(bits & 0x7FFF) << 13
        let sign = UInt32(bits & 0x8000) << 16
        // The exponent's bias is 15 in binary16, 127 in binary32.
        let normal = magnitude &+ (112 << 23)
        // Exponent 31, infinity or NaN, must become 255.
        let special = normal &+ (112 << 23)
        // Exponent 0: the value is m·2⁻²⁴. As 2⁻¹⁴·(1 + m/1024) minus 2⁻¹⁴ it is computed among normal numbers.
        let subnormal = (Float(bitPattern: magnitude &+ (113 << 23)) - Float(bitPattern: 113 << 23)).bitPattern
        let finite = magnitude < (1 << 23) ? subnormal : normal
        return Float(bitPattern: sign | (magnitude >= (31 << 23) ? special : finite))
    }

    /// The value of a bfloat16 (BF16) number, which is the upper half of a `Float`.
    @inline(__always)
    package static func float(bfloat bits: UInt16) -> Float {
        Float(bitPattern: UInt32(bits) << 16)
    }

    /// The binary16 number nearest to `value`, the even one of two; beyond 65520 infinity.
    @inline(__always)
    package static func half(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let magnitude = bits & 0x7FFF_FFFF
        let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
        // Normal result: rebias, then drop 13 bits; adding 0xFFF and the last kept bit first rounds half to even.
        let normal = (magnitude &- (112 << 23) &+ 0xFFF &+ ((magnitude >> 13) & 1)) >> 13
        // Below 2⁻¹⁴: adding ½ puts the last kept bit, 2⁻²⁴, at the end of the sum's fraction, where the addition itself
        // rounds half to even.
        let half = Float(bitPattern: 126 << 23)
        let subnormal = (Float(bitPattern: magnitude) + half).bitPattern &- half.bitPattern
        let finite = magnitude < (113 << 23) ? subnormal : normal
        // NaN keeps the upper payload bits and becomes quiet, so that a payload in the lower bits is not lost to infinity.
        let special = magnitude > (255 << 23) ? 0x7E00 | ((magnitude >> 13) & 0x3FF) : 0x7C00
        return sign | UInt16(truncatingIfNeeded: magnitude >= (143 << 23) ? special : finite)
    }

    /// The bfloat16 number nearest to `value`, the even one of two.
    @inline(__always)
    package static func bfloat(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let rounded = (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16
        let isNaN = bits & 0x7FFF_FFFF > (255 << 23)
        return UInt16(truncatingIfNeeded: isNaN ? (bits >> 16) | 0x40 : rounded)
    }

    /// `value` as a `Float` on the way to a 16-bit format: inexact results are rounded to the odd neighbour, which keeps
    /// the second rounding from seeing a tie where there was none.
    @inline(__always)
    package static func floatRoundedToOdd(_ value: Double) -> Float {
        let nearest = Float(value)
        guard Double(nearest) != value, !value.isNaN else { return nearest }
        let towardZero = Double(nearest.magnitude) > value.magnitude ? nearest.bitPattern - 1 : nearest.bitPattern
        return Float(bitPattern: towardZero | 1)
    }
}
