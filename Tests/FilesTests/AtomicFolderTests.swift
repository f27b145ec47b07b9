import Files
import Foundation
import Synchronization
import Testing

@Suite("A folder written atomically")
struct AtomicFolderTests {
    private func fill(_ folder: URL, with text: String) throws {
        try Data(text.utf8).write(to: folder.appendingPathComponent("marker"))
        let inner = folder.appendingPathComponent("inner")
        try FileManager.default.createDirectory(at: inner, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: inner.appendingPathComponent("file"))
    }

    @Test(
        "appears whole, makes its parents, and replaces an older one without mixing their files",
        arguments: [true, false])
    func published(byExchange: Bool) throws {
        let folder = try TemporaryFolder()
        let target = folder["deep/er/target"]
        let first = try AtomicFolder(replacing: target, markedBy: "marker")
        try fill(first.draft, with: "first")
        try Data().write(to: first.draft.appendingPathComponent("only in the first"))
        #expect(!FileManager.default.fileExists(atPath: target.path))
        try first.publish()
        let second = try AtomicFolder(replacing: target, markedBy: "marker", byExchange: byExchange)
        try fill(second.draft, with: "second")
        try second.publish()
        #expect(try Data(contentsOf: target.appendingPathComponent("inner/file")) == Data("second".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: target.path).sorted() == ["inner", "marker"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder["deep/er"].path) == ["target"])
    }

    @Test("without a publish leaves the old one and nothing besides")
    func abandoned() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(at: folder["target"], withIntermediateDirectories: false)
        try fill(folder["target"], with: "old")
        do {
            let draft = try AtomicFolder(replacing: folder["target"], markedBy: "marker")
            try fill(draft.draft, with: "new")
        }
        #expect(try Data(contentsOf: folder["target/inner/file"]) == Data("old".utf8))
        #expect(try folder.names == ["target"])
    }

    @Test("never takes the place of a folder of other things, nor of a file")
    func refused() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(at: folder["documents"], withIntermediateDirectories: false)
        try Data("dear".utf8).write(to: folder["documents/letter"])
        let other = #expect(throws: FilesError.self) {
            try AtomicFolder(replacing: folder["documents"], markedBy: "marker")
        }
        #expect(other?.code == ENOTEMPTY)
        #expect(other?.advice == "it holds no marker, so it is not replaced; choose another folder")
        let file = #expect(throws: FilesError.self) {
            try AtomicFolder(replacing: folder["documents/letter"], markedBy: "marker")
        }
        #expect(file?.code == ENOTDIR)
        #expect(try Data(contentsOf: folder["documents/letter"]) == Data("dear".utf8))
        #expect(try folder.names == ["documents"])
    }

    @Test("takes the place of an empty folder")
    func overEmpty() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(at: folder["target"], withIntermediateDirectories: false)
        let draft = try AtomicFolder(replacing: folder["target"], markedBy: "marker")
        try fill(draft.draft, with: "new")
        try draft.publish()
        #expect(try Data(contentsOf: folder["target/inner/file"]) == Data("new".utf8))
        #expect(try folder.names == ["target"])
    }

    @Test("is there at every moment while it is replaced again and again")
    func watched() throws {
        let folder = try TemporaryFolder()
        let target = folder["target"]
        try FileManager.default.createDirectory(at: target, withIntermediateDirectories: false)
        try fill(target, with: "0")
        let done = Atomic(false)
        let missing = Atomic(0)
        let watcher = Thread {
            while !done.load(ordering: .relaxed) {
                var status = stat()
                if stat(target.path, &status) != 0 { missing.add(1, ordering: .relaxed) }
            }
        }
        watcher.start()
        for round in 1...100 {
            let draft = try AtomicFolder(replacing: target, markedBy: "marker")
            try fill(draft.draft, with: "\(round)")
            try draft.publish()
        }
        done.store(true, ordering: .relaxed)
        #expect(missing.load(ordering: .relaxed) == 0)
        #expect(try Data(contentsOf: folder["target/inner/file"]) == Data("100".utf8))
        #expect(try folder.names == ["target"])
    }
}
