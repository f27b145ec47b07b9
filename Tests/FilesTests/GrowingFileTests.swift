import Files
import Foundation
import Testing

@Suite("Growing and locked files")
struct GrowingFileTests {
    @Test("a growing file keeps what it has, and starts anew if told to")
    func growing() throws {
        let folder = try TemporaryFolder()
        #expect(GrowingFile.length(of: folder["a"]) == 0)
        try GrowingFile(at: folder["a"], fromStart: false).append(Data("one".utf8))
        let second = try GrowingFile(at: folder["a"], fromStart: false)
        try second.append(Data("two".utf8))
        try second.append(Data("three".utf8))
        #expect(try Data(contentsOf: folder["a"]) == Data("onetwothree".utf8))
        #expect(GrowingFile.length(of: folder["a"]) == 11)
        try GrowingFile(at: folder["a"], fromStart: true).append(Data("new".utf8))
        #expect(try Data(contentsOf: folder["a"]) == Data("new".utf8))
        #expect(throws: FilesError.self) { try GrowingFile(at: folder["none/a"], fromStart: true) }
    }

    @Test("a lock says that it waits for the one who holds it, and lets in when that one is gone")
    func locking() throws {
        let folder = try TemporaryFolder()
        let url = folder["lock"]
        let (waiting, inside) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        var first: FileLock? = try FileLock(at: url) { Issue.record("nobody else holds it") }
        let thread = Thread {
            do {
                let second = try FileLock(at: url) { waiting.signal() }
                inside.signal()
                withExtendedLifetime(second) {}
            } catch { Issue.record(error) }
        }
        thread.start()
        #expect(waiting.wait(timeout: .now() + 60) == .success)
        #expect(inside.wait(timeout: .now() + 0.05) == .timedOut)
        withExtendedLifetime(first) {}
        first = nil
        #expect(inside.wait(timeout: .now() + 60) == .success)
        #expect(throws: FilesError.self) { try FileLock(at: folder["none/lock"]) {} }
    }
}
