import Files
import Foundation
import Testing

@Suite("A file written atomically")
struct AtomicFileTests {
    @Test("is there after the commit, whole, and nothing else is")
    func committed() throws {
        let folder = try TemporaryFolder()
        let file = try AtomicFile(replacing: folder["a"])
        for _ in 0..<3 { try file.write(Data("chunk".utf8)) }
        #expect(!FileManager.default.fileExists(atPath: folder["a"].path))
        try file.commit()
        #expect(try Data(contentsOf: folder["a"]) == Data("chunkchunkchunk".utf8))
        #expect(try folder.names == ["a"])
    }

    @Test("without a commit leaves the old file and nothing besides")
    func abandoned() throws {
        let folder = try TemporaryFolder()
        try Data("old".utf8).write(to: folder["a"])
        do {
            let file = try AtomicFile(replacing: folder["a"])
            try file.write(Data("half of the n".utf8))
        }
        #expect(try Data(contentsOf: folder["a"]) == Data("old".utf8))
        #expect(try folder.names == ["a"])
    }

    @Test("what a killed program left of it is removed, and nothing else")
    func leftovers() throws {
        let folder = try TemporaryFolder()
        let others = ["a", ".a.partial", ".a.12x.partial", ".b.12.partial", ".a.12.partial.b", "a.12.partial"]
        for name in others + [".a.12.partial"] { try Data().write(to: folder[name]) }
        try FileManager.default.createDirectory(at: folder[".a.345.partial"], withIntermediateDirectories: false)
        try Data().write(to: folder[".a.345.partial/file"])
        AtomicFile.removeLeftovers(of: folder["a"])
        #expect(try folder.names == others.sorted())
        AtomicFile.removeLeftovers(of: folder["no such folder/a"])
    }

    @Test("keeps the old file's permissions")
    func permissions() throws {
        let folder = try TemporaryFolder()
        try Data("old".utf8).write(to: folder["a"])
        #expect(chmod(folder["a"].path, 0o640) == 0)
        try AtomicFile.write(Data("new".utf8), to: folder["a"])
        let attributes = try FileManager.default.attributesOfItem(atPath: folder["a"].path)
        #expect(attributes[.posixPermissions] as? Int == 0o640)
    }

    @Test("replaces the file behind a link, not the link")
    func link() throws {
        let folder = try TemporaryFolder()
        try Data("old".utf8).write(to: folder["real"])
        try FileManager.default.createSymbolicLink(at: folder["link"], withDestinationURL: folder["real"])
        try AtomicFile.write(Data("new".utf8), to: folder["link"])
        #expect(try Data(contentsOf: folder["real"]) == Data("new".utf8))
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder["link"].path) == folder["real"].path)
    }

    @Test("in the place of a folder, or in no folder, is refused and leaves nothing")
    func refused() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(at: folder["sub"], withIntermediateDirectories: false)
        let onFolder = #expect(throws: FilesError.self) {
            try AtomicFile.write(Data("x".utf8), to: folder["sub"])
        }
        #expect(onFolder?.operation == "replace")
        let nowhere = #expect(throws: FilesError.self) {
            try AtomicFile.write(Data("x".utf8), to: folder["none/a"])
        }
        #expect(nowhere?.code == ENOENT)
        #expect(try folder.names == ["sub"])
    }

    /// The limit on file sizes acts inside `write`, as a full disk does; it belongs to a process, so this test has its own.
    @Test("on a full disk is refused, and the old file is intact")
    func fullDisk() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let old = Data(repeating: 7, count: 5000)
            try old.write(to: folder["a"])
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 20_000, rlim_max: 20_000)
            #if canImport(Glibc)
                let outcome = setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
            #else
                let outcome = setrlimit(RLIMIT_FSIZE, &limit)
            #endif
            #expect(outcome == 0)
            let failure = #expect(throws: FilesError.self) {
                try AtomicFile.write(Data(repeating: 8, count: 50_000), to: folder["a"])
            }
            #expect(failure?.operation == "write")
            #expect(failure?.code == EFBIG)
            #expect(try Data(contentsOf: folder["a"]) == old)
            #expect(try folder.names == ["a"])
        }
    }
}
