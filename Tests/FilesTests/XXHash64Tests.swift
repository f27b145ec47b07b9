import Files
import Foundation
import Testing

@Suite("XXHash64")
struct XXHash64Tests {
    private func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        bytes.withUnsafeBytes { XXHash64.hash($0, seed: seed) }
    }

    @Test("of the published texts is the published hash")
    func published() {
        #expect(hash([]) == 0xEF46_DB37_51D8_E999)
        #expect(hash(Array("a".utf8)) == 0xD24E_C4F1_A98C_6E5B)
        #expect(hash(Array("abc".utf8)) == 0x44BC_2CF5_AD77_0999)
        #expect(hash(Array("Nobody inspects the spammish repetition".utf8)) == 0xFBCE_A83C_8A37_8BF1)
    }

    /// The reference implementation's own sanity check: a generated buffer, two seeds, lengths on both sides of a stripe.
    @Test("passes the reference implementation's sanity check")
    func sanity() {
        let prime: UInt32 = 2_654_435_761
        var generator = prime
        let buffer = (0..<101).map { _ in
            defer { generator &*= generator }
            return UInt8(generator >> 24)
        }
        let seed = UInt64(prime)
        #expect(hash([], seed: seed) == 0xAC75_FDA2_929B_17EF)
        #expect(hash(Array(buffer[..<1])) == 0x4FCE_394C_C889_52D8)
        #expect(hash(Array(buffer[..<1]), seed: seed) == 0x7398_40CB_819F_A723)
        #expect(hash(Array(buffer[..<14])) == 0xCFFA_8DB8_81BC_3A3D)
        #expect(hash(Array(buffer[..<14]), seed: seed) == 0x5B96_1158_5EFC_C9CB)
        #expect(hash(buffer) == 0x0EAB_5433_84F8_78AD)
        #expect(hash(buffer, seed: seed) == 0xCAA6_5939_306F_1E21)
    }

    @Test("does not depend on the alignment of the bytes")
    func alignment() {
        let padded = (0..<90).map { UInt8($0) }
        for start in 0..<9 {
            let shifted = [UInt8](repeating: 1, count: start) + padded
            let outcome = shifted.withUnsafeBytes { XXHash64.hash(UnsafeRawBufferPointer(rebasing: $0[start...])) }
            #expect(outcome == hash(padded))
        }
    }
}
