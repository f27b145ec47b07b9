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

/// Room for bytes that are written in pieces and read again and again, as long as the object lives: in memory, or in a file
/// that has no name and is gone with the process, however that ends.
///
/// Either way reading is reading memory, and room that nothing was written to costs nothing. Pieces that do not overlap may
/// be written from several threads at once; a piece is read once its writing has returned.
package final class ScratchSpace: Sendable {
    /// Where the bytes are.
    package enum Place: Sendable, Equatable {
        /// In memory.
        case memory
        /// In a file of this folder.
        case file(in: URL)
    }

    /// Where the bytes are.
    package let place: Place
    /// Bytes there is room for.
    package let count: Int
    /// The mapping's address as a number, which unlike a pointer is `Sendable`. Zero if there is no room at all.
    private let address: UInt
    /// The file; nil in memory.
    private let descriptor: Int32?
    private let path: String

    package init(count: Int, in place: Place) throws(FilesError) {
        precondition(count >= 0, "room is not negative")
        (self.place, self.count) = (place, count)
        var descriptor: Int32?
        switch place {
        case .memory: path = "memory"
        case .file(let folder):
            path = folder.appending(path: "graft-\(UUID().uuidString)").path
            let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard file >= 0 else { throw FilesError("open", path) }
            unlink(path)
            guard ftruncate(file, off_t(count)) == 0 else {
                let error = FilesError("make room in", path)
                close(file)
                throw error
            }
            descriptor = file
        }
        self.descriptor = descriptor
        guard count > 0 else {  // mmap refuses a length of zero
            address = 0
            return
        }
        let mapping =
            if let descriptor { mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0) } else {
                mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0)
            }
        guard let mapping, mapping != MAP_FAILED else {
            let error = FilesError("map \(count) bytes of", path)
            if let descriptor { close(descriptor) }
            throw error
        }
        address = UInt(bitPattern: mapping)
    }

    deinit {
        if count > 0 { munmap(UnsafeMutableRawPointer(bitPattern: address), count) }
        if let descriptor { close(descriptor) }
    }

    /// Writes a piece at `offset`.
    ///
    /// - Throws: if the file's disk is full.
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FilesError) {
        precondition(offset >= 0 && offset + bytes.count <= count, "a piece lies within the room")
        guard var rest = bytes.baseAddress else { return }
        guard let descriptor else {
            UnsafeMutableRawPointer(bitPattern: address + UInt(offset))?
                .copyMemory(from: rest, byteCount: bytes.count)
            return
        }
        // Not through the mapping: where the disk is full, that would end the process.
        var (place, left) = (offset, bytes.count)
        while left > 0 {
            let written = pwrite(descriptor, rest, left, off_t(place))
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw FilesError("write", path, code: written < 0 ? errno : EIO) }
            rest += written
            place += written
            left -= written
        }
    }

    /// Calls `body` with the bytes of `range`.
    package func withBytes<Result, Failure>(
        _ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "the range lies within the room")
        defer { withExtendedLifetime(self) {} }
        let start = UnsafeRawPointer(bitPattern: address + UInt(range.lowerBound))
        return try body(UnsafeRawBufferPointer(start: start, count: range.count))
    }
}
