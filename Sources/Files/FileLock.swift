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

/// A lock between processes (and threads), held as long as the object lives; the system frees it if the process dies.
package final class FileLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock that the file at `url` stands for, making the file if need be. If another one holds it, calls
    /// `waiting` once and waits.
    package init(at url: URL, waiting: () -> Void) throws(FilesError) {
        let path = url.path
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard opened >= 0 else { throw FilesError("open", path) }
        descriptor = opened
        guard flock(opened, LOCK_EX | LOCK_NB) != 0 else { return }
        if errno == EWOULDBLOCK { waiting() }
        while flock(opened, LOCK_EX) != 0 {
            // Closed by deinit: every property is set.
            guard errno == EINTR else { throw FilesError("lock", path) }
        }
    }

    deinit { close(descriptor) }
}
