#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file that appears under its name whole or not at all.
///
/// The bytes go to a temporary file in the same folder; `commit` syncs it, renames it over the old file and syncs the
/// folder. Without a `commit` (an error on the way, a full disk) the temporary file is removed when this object goes,
/// and the old file is as it was. A link keeps its place: the file it points to is replaced.
package final class AtomicFile {
    private let destination: String
    private let temporary: String
    private var descriptor: Int32

    /// Begins a new file that will replace the one at `url`, if there is one; its folder must exist.
    package init(replacing url: URL) throws(FilesError) {
        destination = url.resolvingSymlinksInPath().path
        temporary = temporarySibling(of: destination)
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FilesError("create", destination) }
        var status = stat()
        if stat(destination, &status) == 0 { fchmod(descriptor, status.st_mode & 0o777) }
    }

    deinit {
        if descriptor >= 0 {
            close(descriptor)
            unlink(temporary)
        }
    }

    /// Appends `bytes`.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(FilesError) {
        precondition(descriptor >= 0, "a committed file takes no more bytes")
        try writeAll(bytes, to: descriptor, path: destination)
    }

    /// Appends `data`.
    package func write(_ data: Data) throws(FilesError) {
        let outcome = data.withUnsafeBytes { bytes in
            Result { () throws(FilesError) in try write(bytes) }
        }
        try outcome.get()
    }

    /// Makes the bytes written so far the file at the destination, safe against a crash or a power cut.
    package func commit() throws(FilesError) {
        precondition(descriptor >= 0, "a file is committed once")
        guard fsync(descriptor) == 0 else { throw FilesError("sync", destination) }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0, rename(temporary, destination) == 0 else {
            let failure = FilesError("replace", destination)
            unlink(temporary)
            throw failure
        }
        try synchronize(URL(fileURLWithPath: destination).deletingLastPathComponent().path)
    }

    /// Replaces the file at `url` by `data`, whole or not at all.
    package static func write(_ data: Data, to url: URL) throws(FilesError) {
        let file = try AtomicFile(replacing: url)
        try file.write(data)
        try file.commit()
    }
}

extension AtomicFile {
    /// Removes the temporary files and folders beside `url` that programs left which were killed while they replaced it. What
    /// cannot be removed stays: it is in nobody's way.
    package static func removeLeftovers(of url: URL) {
        let destination = url.resolvingSymlinksInPath()
        let folder = destination.deletingLastPathComponent()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        for name in names where isTemporary(name, of: destination.lastPathComponent) {
            try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
        }
    }

    /// Whether a name is what ``temporarySibling(of:)`` makes of another.
    private static func isTemporary(_ name: String, of destination: String) -> Bool {
        let (start, end) = (".\(destination).", ".partial")
        guard name.hasPrefix(start), name.hasSuffix(end), name.count > start.count + end.count else { return false }
        return name.dropFirst(start.count).dropLast(end.count).allSatisfy { ("0"..."9").contains($0) }
    }
}

/// A name beside `path` that nothing else uses, hidden, and recognizable if a crash leaves it behind.
func temporarySibling(of path: String) -> String {
    let url = URL(fileURLWithPath: path)
    let name = ".\(url.lastPathComponent).\(UInt64.random(in: .min ... .max)).partial"
    return url.deletingLastPathComponent().appendingPathComponent(name).path
}

/// Writes all of `bytes`; one call to the system may take less.
func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, path: String) throws(FilesError) {
    #if canImport(Darwin)
        let systemWrite = Darwin.write
    #elseif canImport(Glibc)
        let systemWrite = Glibc.write
    #else
        let systemWrite = Musl.write
    #endif
    var rest = bytes[...]
    while !rest.isEmpty {
        // One call moves at most 2 GiB; asking for less than that behaves the same on every system.
        let chunk = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 26))
        let written = systemWrite(descriptor, chunk.baseAddress, chunk.count)
        if written < 0 {
            if errno == EINTR { continue }
            throw FilesError("write", path)
        }
        rest = rest.dropFirst(written)
    }
}

/// Makes what was written to the file (for a folder: its entries' names) safe against a power cut.
func synchronize(_ path: String) throws(FilesError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FilesError("open", path) }
    defer { close(descriptor) }
    // Some file systems (network shares, mostly) cannot sync a folder and say EINVAL; the write itself has worked.
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw FilesError("sync", path) }
}
