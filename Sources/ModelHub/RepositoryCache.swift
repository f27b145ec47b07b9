import Files
import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One model in the cache that Hugging Face's libraries share.
///
///     models--<owner>--<name>/blobs/<hash>                 a file's bytes, once, whatever it is called in which commit
///                             blobs/<hash>.incomplete      those of them that have come so far
///                             refs/<revision>              the commit that a branch or a tag stood for
///                             snapshots/<commit>/<path>    a link to the blob, relative, so that the cache can be moved
///     .locks/models--<owner>--<name>/<hash>.lock           held while a blob is fetched
///
/// Layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
struct RepositoryCache {
    /// The model's folder.
    let folder: URL
    private let locks: URL

    init(of model: ModelName, in cache: URL) {
        let name = "models--\(model.folderName)"
        folder = cache.appendingPathComponent(name, isDirectory: true)
        locks = cache.appendingPathComponent(".locks/\(name)", isDirectory: true)
    }

    /// Where the bytes of that hash are kept.
    func blob(_ hash: String) -> URL { folder.appendingPathComponent("blobs/\(hash)") }

    /// The folder of the commit's files.
    func snapshot(_ commit: String) -> URL {
        folder.appendingPathComponent("snapshots/\(commit)", isDirectory: true)
    }

    private func reference(_ revision: String) -> URL { folder.appendingPathComponent("refs/\(revision)") }

    /// The commit that `revision` was when somebody last asked the Hub; of a commit it is itself.
    func commit(of revision: String) -> String? {
        if ModelReference.isCommit(revision) { return revision }
        guard let content = FileManager.default.contents(atPath: reference(revision).path) else { return nil }
        let commit = String(decoding: content, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return ModelReference.isCommit(commit) ? commit : nil
    }

    /// Takes the lock of a blob, the same that Python takes.
    func lock(_ hash: String, waiting: () -> Void) throws(ModelHubError) -> FileLock {
        try Self.createFolder(locks)
        return try ModelHubError.wrapping { () throws(FilesError) in
            try FileLock(at: locks.appendingPathComponent("\(hash).lock"), waiting: waiting)
        }
    }

    /// Makes the snapshot of `commit` from blobs that are all there, and then writes down that `revision` is this commit.
    ///
    /// A new snapshot appears whole. One that is there, from Python or from an earlier state of the cache, gains what it
    /// lacks, the configuration last: a folder without it is no model to anybody.
    func publish(_ files: [(path: String, content: BlobContent)], commit: String, as revision: String)
        throws(ModelHubError)
    {
        let target = snapshot(commit)
        if !FileManager.default.fileExists(atPath: target.path) {
            let draft = folder.appendingPathComponent(".\(commit).\(UUID().uuidString).partial", isDirectory: true)
            for (path, content) in files { try link(path, in: draft, to: content) }
            try Self.createFolder(target.deletingLastPathComponent())
            // Another process may have been quicker; then its snapshot is completed like any other.
            if rename(draft.path, target.path) != 0 {
                let failure = FilesError("create", target.path)
                try ModelHubError.wrapping("remove", draft) { try FileManager.default.removeItem(at: draft) }
                guard FileManager.default.fileExists(atPath: target.path) else { throw .files(failure) }
            }
        }
        let isLast = { (path: String) in path == ModelFiles.configuration }
        for (path, content) in files.filter({ !isLast($0.path) }) + files.filter({ isLast($0.path) }) {
            try link(path, in: target, to: content)
        }
        guard revision != commit, self.commit(of: revision) != commit else { return }
        try Self.createFolder(reference(revision).deletingLastPathComponent())
        // Without a line end: Python takes the whole content for the commit.
        try ModelHubError.wrapping { () throws(FilesError) in
            try AtomicFile.write(Data(commit.utf8), to: reference(revision))
        }
    }

    /// Makes `path` in a snapshot's folder a link to the blob, if it is not the file already.
    private func link(_ path: String, in snapshot: URL, to content: BlobContent) throws(ModelHubError) {
        let place = snapshot.appendingPathComponent(path)
        // From the file's folder up to the model's.
        let up = String(repeating: "../", count: path.split(separator: "/").count + 1)
        let destination = "\(up)blobs/\(content.hash)"
        var buffer = [CChar](repeating: 0, count: destination.utf8.count + 2)
        let length = readlink(place.path, &buffer, buffer.count)
        if length >= 0 {
            let found = buffer.prefix(length).map { UInt8(bitPattern: $0) }
            if found.elementsEqual(destination.utf8) { return }
        } else if GrowingFile.length(of: place) == content.length,
            FileManager.default.fileExists(atPath: place.path)
        {
            return  // a copy, as Python makes it where it cannot make links
        }
        try Self.createFolder(place.deletingLastPathComponent())
        // A link is made beside and moved into place, so that whoever reads finds the old file or the new one.
        let fresh = place.deletingLastPathComponent()
            .appendingPathComponent(".\(place.lastPathComponent).\(UUID().uuidString).partial")
        guard symlink(destination, fresh.path) == 0 else { throw .files(FilesError("link", place.path)) }
        guard rename(fresh.path, place.path) == 0 else {
            let failure = FilesError("link", place.path)
            unlink(fresh.path)
            throw .files(failure)
        }
    }

    /// Makes a folder and those that it is in.
    static func createFolder(_ url: URL) throws(ModelHubError) {
        try ModelHubError.wrapping("create", url) {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }
    }
}
