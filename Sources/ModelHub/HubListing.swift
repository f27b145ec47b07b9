/// A repository's files at one commit, as the Hub lists them.
struct HubListing: Decodable {
    /// The commit.
    let sha: String
    /// The files.
    let siblings: [File]

    /// Their paths.
    var paths: Set<String> { Set(siblings.map(\.rfilename)) }

    /// One file.
    struct File: Decodable {
        /// Its path in the repository.
        let rfilename: String
        /// Its length in bytes.
        let size: Int?
        /// Git's name for it; of a large file, for the pointer that stands for it.
        let blobId: String?
        /// What the Hub knows of a large file, which it keeps outside of Git.
        let lfs: LargeFile?

        /// What the file is known by: its length, and the hash that is also its name in the cache and its `ETag`.
        var content: BlobContent? {
            guard let size, size >= 0 else { return nil }
            if let hash = lfs?.sha256 { return BlobContent(length: size, hash: hash, kind: .sha256) }
            return blobId.flatMap { BlobContent(length: size, hash: $0, kind: .git) }
        }
    }

    /// A large file.
    struct LargeFile: Decodable {
        let sha256: String
    }
}
