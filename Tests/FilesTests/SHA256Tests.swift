import Files
import Foundation
import Testing

@Suite("SHA-256")
struct SHA256Tests {
    /// FIPS 180-4's examples, as published with NIST's Cryptographic Standards and Guidelines.
    @Test(
        "of the published messages is the published hash",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                    + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
            ),
        ])
    func published(message: String, hash: String) {
        #expect(SHA256.hexDigest(of: Data(message.utf8)) == hash)
    }

    /// Also from FIPS 180-4's examples; apart from the others because an argument is printed with its test.
    @Test("of a million letters a is the published hash")
    func million() {
        let expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        #expect(SHA256.hexDigest(of: Data(repeating: UInt8(ascii: "a"), count: 1_000_000)) == expected)
    }

    @Test("does not depend on where the stream is cut")
    func streaming() {
        let message = Data((0..<200).map { UInt8($0) })
        for first in 0...130 {
            for second in stride(from: first, through: 200, by: 23) {
                var hash = SHA256()
                hash.update(message[..<first])
                hash.update(message[first..<second])
                hash.update(message[second...])
                #expect(hash.hexDigest() == SHA256.hexDigest(of: message))
            }
        }
    }

    @Test("of a file is the hash of its bytes")
    func file() throws {
        let folder = try TemporaryFolder()
        try Data("abc".utf8).write(to: folder["a"])
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(try SHA256.hexDigest(ofFileAt: folder["a"]) == expected)
        #expect(throws: FilesError.self) { try SHA256.hexDigest(ofFileAt: folder["b"]) }
    }
}
