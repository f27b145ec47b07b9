/// How byte-level vocabularies write bytes: printable Latin-1 characters stand for themselves, the 68 other bytes for
/// U+0100 and on, in order. So a space is “Ġ” and a line feed “Ċ”.
enum ByteAlphabet {
    /// The scalar of each byte.
    static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (0..<256).map { (byte: UInt32) in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
            default:
                next += 1
                return next - 1
            }
        }
    }()

    /// How a byte is written, as UTF-8.
    static let written: [[UInt8]] = scalars.map { scalar in
        scalar < 0x80 ? [UInt8(scalar)] : [UInt8(0xC0 | scalar >> 6), UInt8(0x80 | scalar & 0x3F)]
    }

    /// The bytes that stand in UTF-8 text: all but 0xC0, 0xC1 and those from 0xF5 on.
    static let bytesOfText: [UInt8] = (0...0xF4).filter { $0 != 0xC0 && $0 != 0xC1 }
}
