import Files
import Foundation

/// What a file's bytes are known by.
struct BlobContent: Sendable, Equatable {
    enum Kind: Sendable { case sha256, git }

    /// In bytes.
    let length: Int
    /// In lower-case hexadecimal digits.
    let hash: String
    let kind: Kind

    /// Nil if `hash` is none.
    init?(length: Int, hash: String, kind: Kind) {
        let isHash =
            switch kind {
            case .sha256: hash.wholeMatch(of: /[0-9a-f]{64}/) != nil
            case .git: hash.wholeMatch(of: /[0-9a-f]{40}/) != nil
            }
        guard isHash else { return nil }
        (self.length, self.hash, self.kind) = (length, hash, kind)
    }

    /// The hash of the file at `url`.
    func hash(ofFileAt url: URL) throws(FilesError) -> String {
        switch kind {
        case .sha256: try SHA256.hexDigest(ofFileAt: url)
        case .git: try GitBlobHash.hexDigest(ofFileAt: url)
        }
    }
}
