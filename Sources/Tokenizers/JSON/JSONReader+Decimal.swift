extension JSONReader {
    /// Reads digits with a point among them, such as the scores of a vocabulary, many times faster than a general
    /// parser; nil, and nothing read, where the number has another form or more digits than fit.
    ///
    /// The result is the float64 nearest to the decimal, ties to even: the digits as a whole number are divided by a
    /// power of ten in 128 bits, where the quotient keeps more than 53 bits and the remainder says what lies below.
    mutating func plainDecimal() -> Double? {
        withBytes { (bytes: UnsafeBufferPointer<UInt8>, position: inout Int) -> Double? in
            var index = position
            let isNegative = index < bytes.count && bytes[index] == UInt8(ascii: "-")
            if isNegative { index += 1 }
            let first = index
            var (digits, point) = (UInt64(0), -1)
            while index < bytes.count {
                let byte = bytes[index]
                if byte >= 0x30, byte <= 0x39 {
                    digits = digits &* 10 &+ UInt64(byte & 0x0F)
                } else if byte == UInt8(ascii: "."), point < 0 {
                    point = index
                } else {
                    break
                }
                index += 1
            }
            let decimals = index - point - 1
            // At least one digit on both sides of the point, no zero before others, and no more than fit in 64 bits.
            guard point > first, decimals > 0, index - first <= 20,
                bytes[first] != 0x30 || point == first + 1,
                index < bytes.count, bytes[index] | 0x20 != UInt8(ascii: "e")
            else { return nil }
            position = index
            let magnitude = Self.quotient(digits, Self.powersOfTen[decimals])
            return isNegative ? -magnitude : magnitude
        }
    }

    /// 10⁰ to 10¹⁸.
    private static let powersOfTen: [UInt64] = {
        var powers: [UInt64] = [1]
        for _ in 1...18 { powers.append((powers.last ?? 1) * 10) }
        return powers
    }()

    /// The float64 nearest to a quotient.
    private static func quotient(_ dividend: UInt64, _ divisor: UInt64) -> Double {
        guard dividend > 0 else { return 0 }
        // Both with their highest bit set, the dividend halved so that the quotient fits: 2⁶² < quotient < 2⁶⁴.
        let (dividendShift, divisorShift) = (dividend.leadingZeroBitCount, divisor.leadingZeroBitCount)
        let (high, low) = ((dividend << dividendShift) >> 1, (dividend << dividendShift) << 63)
        let (quotient, remainder) = (divisor << divisorShift).dividingFullWidth((high, low))
        // The lowest bit stands for all that lies below it. Rounding then sees a tie only where there is one.
        let value = Double(quotient | (remainder == 0 ? 0 : 1))
        return Double(sign: .plus, exponent: divisorShift - dividendShift - 63, significand: value)
    }
}
