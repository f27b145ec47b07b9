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

/// A whole file, mapped read-only into memory: opening it reads nothing, the system reads pages as they are touched.
///
/// The mapping lives as long as the object. A file that is replaced by rename stays readable here with its old content;
/// one that another process cuts shorter in place does not, as with every mapping.
package final class MappedFile: Sendable {
    /// Where the file was found.
    package let path: String
    /// The file's length in bytes.
    package let count: Int
    /// The mapping's address as a number, which unlike a pointer is `Sendable`; nothing ever writes there. Zero if empty.
    private let address: UInt

    package init(contentsOf url: URL) throws(FilesError) {
        path = url.path
        // Without O_NONBLOCK, opening a named pipe would wait for its writer instead of being refused below.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FilesError("open", path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FilesError("open", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw FilesError(
                "read", path, code: isFolder ? EISDIR : EINVAL, advice: isFolder ? nil : "it is not a regular file")
        }
        count = Int(status.st_size)
        guard count > 0 else {  // mmap refuses a length of zero
            address = 0
            return
        }
        let mapping = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let mapping, mapping != MAP_FAILED else { throw FilesError("map", path) }
        address = UInt(bitPattern: mapping)
    }

    deinit {
        if count > 0 { munmap(UnsafeMutableRawPointer(bitPattern: address), count) }
    }

    /// The file's bytes, for as long as this object is alive: hold on to it, or use `withBytes`.
    package var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: count)
    }

    /// Calls `body` with the file's bytes and keeps the mapping alive meanwhile.
    package func withBytes<Result, Failure>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(bytes)
    }

    /// Lets the system drop the resident pages of `range` (of the whole file if nil); touched again, they are read again.
    ///
    /// Only whole pages inside the range are dropped, so that a neighbour's bytes stay resident.
    package func adviseNotNeeded(_ range: Range<Int>? = nil) {
        let range = range ?? 0..<count
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "the range must lie within the file")
        let page = Int(getpagesize())
        let first = (range.lowerBound + page - 1) / page * page
        // The last page of the file is whole as far as the system is concerned.
        let last = range.upperBound == count ? count : range.upperBound / page * page
        guard first < last else { return }
        // Advice: where the system does not take it, the pages simply stay.
        _ = madvise(UnsafeMutableRawPointer(bitPattern: address + UInt(first)), last - first, MADV_DONTNEED)
    }
}
