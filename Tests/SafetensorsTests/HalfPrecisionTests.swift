import Safetensors
import Testing

@Suite("Half precision")
struct HalfPrecisionTests {
    /// The value that IEEE 754 defines for 16 bits split 1 + 5 + 10, computed in double precision.
    private func definition(half bits: UInt16) -> Double {
        let sign: Double = bits & 0x8000 == 0 ? 1 : -1
        let (exponent, fraction) = (Int(bits >> 10) & 31, Double(bits & 0x3FF))
        switch exponent {
        case 0: return sign * fraction * 0x1p-24
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * (1 + fraction / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
        }
    }

    @Test("binary16 has the value that its definition says, for all 65,536")
    func halfValues() {
        for bits in UInt16.min ... .max {
            let (value, expected) = (HalfPrecision.float(half: bits), Float(definition(half: bits)))
            if expected.isNaN {
                #expect(value.isNaN && value.bitPattern >> 31 == UInt32(bits >> 15))
            } else if value.bitPattern != expected.bitPattern {
                Issue.record("\(bits): \(value), expected \(expected)")
            }
        }
    }

    @Test("comes back unchanged from float32, for all 65,536 of either format")
    func roundTrips() {
        for bits in UInt16.min ... .max {
            let (half, bfloat) = (HalfPrecision.float(half: bits), HalfPrecision.float(bfloat: bits))
            // A signalling NaN becomes quiet; everything else is the same.
            let halfBits = half.isNaN ? bits | 0x200 : bits
            let bfloatBits = bfloat.isNaN ? bits | 0x40 : bits
            if HalfPrecision.half(half) != halfBits { Issue.record("binary16 \(bits)") }
            if HalfPrecision.bfloat(bfloat) != bfloatBits { Issue.record("bfloat16 \(bits)") }
        }
    }

    @Test("rounds to nearest, and halfway to even, between all neighbours of either format")
    func rounding() {
        func check(_ lower: UInt16, _ value: (UInt16) -> Float, _ rounded: (Float) -> UInt16) {
            // Beyond the largest finite number, rounding behaves as if there were a next one.
            let (low, high) = (Double(value(lower)), Double(value(lower + 1)))
            let next = high.isInfinite ? low + (low - Double(value(lower - 1))) : high
            let middle = Float((low + next) / 2)
            // Both formats' midpoints have one bit more than the format, which float32 has room for.
            for sign: UInt16 in [0, 0x8000] {
                let signed: (Float) -> Float = { sign == 0 ? $0 : -$0 }
                let even = lower % 2 == 0 ? lower : lower + 1
                if rounded(signed(middle)) != even | sign { Issue.record("middle above \(lower)") }
                if rounded(signed(middle.nextDown)) != lower | sign { Issue.record("below the middle above \(lower)") }
                if rounded(signed(middle.nextUp)) != (lower + 1) | sign { Issue.record("above the middle at \(lower)") }
            }
        }
        for lower in UInt16(0)..<0x7C00 {
            check(lower, { HalfPrecision.float(half: $0) }, { HalfPrecision.half($0) })
        }
        for lower in UInt16(1)..<0x7F80 {
            check(lower, { HalfPrecision.float(bfloat: $0) }, { HalfPrecision.bfloat($0) })
        }
    }

    #if !(os(macOS) && arch(x86_64))
        @Test("binary16 agrees with Swift's own on random float32 bits")
        func swiftsOwn() {
            var generator = SeededGenerator(state: 3)
            for _ in 0..<1_000_000 {
                let value = Float(bitPattern: UInt32.random(in: .min ... .max, using: &generator))
                if value.isNaN { continue }
                if HalfPrecision.half(value) != Float16(value).bitPattern { Issue.record("\(value)") }
            }
        }
    #endif

    @Test("of a double is the number of one rounding")
    func roundedToOdd() {
        var generator = SeededGenerator(state: 4)
        for bits in UInt16(0)..<0x7BFF {
            let low = definition(half: bits)
            let middle = (low + definition(half: bits + 1)) / 2
            // So near to the middle that float32 cannot tell it from the middle.
            let offset = middle * 0x1p-40 * Double.random(in: 0.5..<1, using: &generator)
            let even = bits % 2 == 0 ? bits : bits + 1
            for (value, expected) in [(middle, even), (middle - offset, bits), (middle + offset, bits + 1)] {
                if HalfPrecision.half(HalfPrecision.floatRoundedToOdd(value)) != expected { Issue.record("\(value)") }
            }
        }
        #expect(HalfPrecision.half(HalfPrecision.floatRoundedToOdd(1e300)) == 0x7C00)
        #expect(HalfPrecision.half(HalfPrecision.floatRoundedToOdd(-1e-300)) == 0x8000)
        #expect(HalfPrecision.half(HalfPrecision.floatRoundedToOdd(-.infinity)) == 0xFC00)
        #expect(HalfPrecision.half(HalfPrecision.floatRoundedToOdd(.nan)) & 0x7E00 == 0x7E00)
    }
}
