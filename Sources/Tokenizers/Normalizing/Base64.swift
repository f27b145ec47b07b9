extension [UInt8] {
    /// The bytes a text stands for in Base64 (RFC 4648, section 4); nil where it is none.
    init?(base64 text: String) {
        var text = text
        let bytes = text.withUTF8 { Self.bytes(base64: $0) }
        guard let bytes else { return nil }
        self = bytes
    }

    private static func bytes(base64 text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        let padding = text.suffix(2).reversed().prefix { $0 == UInt8(ascii: "=") }.count
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var (group, bits) = (UInt32(0), 0)
        for character in text.dropLast(padding) {
            let value = base64Values[Int(character)]
            guard value < 64 else { return nil }
            group = group << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
            }
        }
        // What is left over of the last group is zero.
        return group & (1 << UInt32(bits) - 1) == 0 ? bytes : nil
    }

    private static let base64Values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (index, character) in alphabet.utf8.enumerated() { values[Int(character)] = UInt8(index) }
        return values
    }()
}
