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

/// A file that grows in place and keeps what it has when the writing stops: a download that can be taken up again.
package final class GrowingFile: Sendable {
    private let path: String
    private let descriptor: Int32

    /// Opens the file at `url`, making it if need be; `fromStart` drops what it holds.
    package init(at url: URL, fromStart: Bool) throws(FilesError) {
        path = url.path
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (fromStart ? O_TRUNC : 0), 0o666)
        guard descriptor >= 0 else { throw FilesError("open", path) }
    }

    deinit { close(descriptor) }

    /// Appends `data`.
    package func append(_ data: Data) throws(FilesError) {
        let outcome = data.withUnsafeBytes { bytes in
            Result { () throws(FilesError) in try writeAll(bytes, to: descriptor, path: path) }
        }
        try outcome.get()
    }

    /// The length of the file at `url`, zero if there is none.
    package static func length(of url: URL) -> Int {
        var status = stat()
        return stat(url.path, &status) == 0 ? Int(status.st_size) : 0
    }
}
