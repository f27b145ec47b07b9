import Files
import Foundation
import Testing

@Suite("A mapped file")
struct MappedFileTests {
    @Test("shows the file's bytes, also after their pages were dropped and after the file was replaced")
    func bytes() throws {
        let folder = try TemporaryFolder()
        let content = Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        try content.write(to: folder["a"])
        let file = try MappedFile(contentsOf: folder["a"])
        #expect(file.count == content.count)
        #expect(file.withBytes { Data($0) } == content)
        file.adviseNotNeeded()
        file.adviseNotNeeded(5000..<60_000)
        file.adviseNotNeeded(7..<9)
        #expect(file.withBytes { Data($0) } == content)
        try AtomicFile.write(Data("new".utf8), to: folder["a"])
        #expect(file.withBytes { Data($0) } == content)
        #expect(try Data(contentsOf: folder["a"]) == Data("new".utf8))
    }

    @Test("of no bytes is empty")
    func empty() throws {
        let folder = try TemporaryFolder()
        try Data().write(to: folder["empty"])
        let file = try MappedFile(contentsOf: folder["empty"])
        #expect(file.count == 0)
        #expect(file.bytes.isEmpty)
        file.adviseNotNeeded()
    }

    @Test("that is missing, a folder or a pipe is refused with the path and the system's reason")
    func refused() throws {
        let folder = try TemporaryFolder()
        let missing = #expect(throws: FilesError.self) { try MappedFile(contentsOf: folder["missing"]) }
        #expect(missing?.code == ENOENT)
        #expect(missing?.description == "could not open \(folder["missing"].path): No such file or directory")
        let directory = #expect(throws: FilesError.self) { try MappedFile(contentsOf: folder.url) }
        #expect(directory?.code == EISDIR)
        #expect(mkfifo(folder["pipe"].path, 0o600) == 0)
        let pipe = #expect(throws: FilesError.self) { try MappedFile(contentsOf: folder["pipe"]) }
        #expect(pipe?.description.hasSuffix("it is not a regular file") == true)
    }
}
