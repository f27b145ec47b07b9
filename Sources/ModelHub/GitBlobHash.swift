import Files
import Foundation

/// The name that Git gives to a file's content: SHA-1 (RFC 3174) of `blob <length>`, a zero byte, and the bytes.
///
/// The Hub names files that it keeps in Git itself by this hash, as it names large ones by their SHA-256.
package struct GitBlobHash {
    private var state: (UInt32, UInt32, UInt32, UInt32, UInt32) = (
        0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0
    )

    /// The hash of `bytes` as 40 hexadecimal digits.
    package static func hexDigest(of bytes: UnsafeRawBufferPointer) -> String {
        let head = Array("blob \(bytes.count)\0".utf8)
        let length = head.count + bytes.count
        // A one bit, zeros up to 8 bytes before the end of a block, then the message's length in bits.
        let zeros = (119 - length % 64) % 64
        let bits = UInt64(length) * 8
        let tail =
            [0x80] + [UInt8](repeating: 0, count: zeros)
            + (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * $0)) }
        var hash = GitBlobHash()
        // The first blocks hold the head, the last ones the tail; those between are the bytes where they lie.
        let first = min(bytes.count, 64 - head.count)
        let wholeEnd = first + max(0, bytes.count - first) / 64 * 64
        let begin = head + bytes[..<first]
        if begin.count == 64 {
            begin.withUnsafeBytes { hash.compress($0) }
            hash.compress(UnsafeRawBufferPointer(rebasing: bytes[first..<wholeEnd]))
            (Array(bytes[wholeEnd...]) + tail).withUnsafeBytes { hash.compress($0) }
        } else {
            (begin + tail).withUnsafeBytes { hash.compress($0) }
        }
        return hash.hexDigest
    }

    /// The hash of the file at `url`.
    package static func hexDigest(ofFileAt url: URL) throws(FilesError) -> String {
        try MappedFile(contentsOf: url).withBytes { hexDigest(of: $0) }
    }

    private var hexDigest: String {
        [state.0, state.1, state.2, state.3, state.4].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    /// Takes whole blocks of 64 bytes into the state.
    private mutating func compress(_ blocks: UnsafeRawBufferPointer) {
        var words = [UInt32](repeating: 0, count: 80)
        words.withUnsafeMutableBufferPointer { w in
            for offset in stride(from: 0, to: blocks.count, by: 64) {
                for t in 0..<16 {
                    w[t] = UInt32(bigEndian: blocks.loadUnaligned(fromByteOffset: offset + 4 * t, as: UInt32.self))
                }
                for t in 16..<80 { w[t] = rotated(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1) }
                var (a, b, c, d, e) = state
                for t in 0..<80 {
                    let (mixed, constant): (UInt32, UInt32) =
                        switch t {
                        case ..<20: ((b & c) | (~b & d), 0x5A82_7999)
                        case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                        case ..<60: ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
                        default: (b ^ c ^ d, 0xCA62_C1D6)
                        }
                    (a, b, c, d, e) = (rotated(a, 5) &+ mixed &+ e &+ constant &+ w[t], a, rotated(b, 30), c, d)
                }
                state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d, state.4 &+ e)
            }
        }
    }
}

/// `word` rotated left by `places`.
@inline(__always)
private func rotated(_ word: UInt32, _ places: UInt32) -> UInt32 {
    (word << places) | (word >> (32 - places))
}
