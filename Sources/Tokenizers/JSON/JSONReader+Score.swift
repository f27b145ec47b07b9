extension JSONReader {
    /// The score of a token: the number that comes next, as the Rust library reads it; nil, and nothing read, where
    /// something else comes or the number is beyond float64.
    ///
    /// That library rounds the digits to float64, then divides by a power of ten and rounds once more. One score in
    /// seven is so a last bit off the nearest float64, and which of two nearly equal sums is larger may hang on it.
    mutating func score() -> Double? {
        guard peek() != nil else { return nil }
        return withBytes { (bytes: UnsafeBufferPointer<UInt8>, position: inout Int) -> Double? in
            var number = DecimalNumber(bytes, position)
            guard number.read(), number.value.isFinite else { return nil }
            position = number.position
            return number.value
        }
    }
}

/// A decimal number on its way from its digits to float64.
private struct DecimalNumber {
    private let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position: Int
    private var isNegative = false
    /// The digits as a whole number; those that do not fit are left out, but counted if they stand before the point.
    private var digits: UInt64 = 0
    private var isFull = false
    private var exponent = 0

    private static let powers: [Double] = (0...308).compactMap { Double("1e\($0)") }

    init(_ bytes: UnsafeBufferPointer<UInt8>, _ position: Int) {
        self.bytes = bytes
        self.position = position
    }

    /// The byte at the position, 0 past the end.
    private var byte: UInt8 { position < bytes.count ? bytes[position] : 0 }
    private var isAtDigit: Bool { byte >= 0x30 && byte <= 0x39 }

    /// Reads the number; false where JSON has none of this form.
    mutating func read() -> Bool {
        isNegative = take("-")
        let startsWithZero = byte == 0x30
        let first = position
        guard isAtDigit else { return false }
        while isAtDigit { if !add() { exponent += 1 } }
        guard !startsWithZero || position == first + 1 else { return false }
        if take(".") {
            guard isAtDigit else { return false }
            while isAtDigit { if add() { exponent -= 1 } }
        }
        guard take("e") || take("E") else { return true }
        let isDown = take("-")
        if !isDown { _ = take("+") }
        guard isAtDigit else { return false }
        var stated = 0
        while isAtDigit {
            stated = min(stated * 10 + Int(byte & 0x0F), 100_000)
            position += 1
        }
        exponent += isDown ? -stated : stated
        return true
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard byte == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Steps over a digit, and adds it unless it, or one before it, does not fit.
    private mutating func add() -> Bool {
        let digit = UInt64(byte & 0x0F)
        position += 1
        let (product, isTooLarge) = digits.multipliedReportingOverflow(by: 10)
        let (sum, isOver) = product.addingReportingOverflow(digit)
        isFull = isFull || isTooLarge || isOver
        if !isFull { digits = sum }
        return !isFull
    }

    var value: Double {
        var (value, exponent) = (Double(digits), exponent)
        while exponent < -308, value > 0 {
            value /= 1e308
            exponent += 308
        }
        if exponent >= 0 {
            value = value == 0 ? 0 : exponent <= 308 ? value * Self.powers[exponent] : .infinity
        } else if value > 0 {
            value /= Self.powers[-exponent]
        }
        return isNegative ? -value : value
    }
}
