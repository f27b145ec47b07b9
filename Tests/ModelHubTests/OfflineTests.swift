import Foundation
import ModelHub
import Testing

@Suite("Offline", .timeLimit(.minutes(2)))
struct OfflineTests {
    @Test("a pull asks nobody: it answers from the cache, or refuses")
    func offline() throws {
        let folder = try TemporaryFolder()
        let server = try LoopbackServer { ServedModel().answer($0) }
        let pull = try ModelPull(server.address, into: folder, offline: "1")
        let error = #expect(throws: ModelHubError.self) { try pull.run("tiny/encoder@v1") }
        #expect(error == .offline(wanted: "tiny/encoder@v1", searched: [folder["hub"].path, folder["graft"].path]))
        #expect(error?.description.contains("HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set") == true)
        // Not from a package either.
        #expect(throws: ModelHubError.self) { try pull.run("sentence-transformers/all-MiniLM-L6-v2") }
        #expect(server.requests.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder["."].path).isEmpty)

        _ = try ModelPull(server.address, into: folder).run("tiny/encoder")
        let before = server.requests.count
        var events: [PullEvent] = []
        for refresh in [false, true] {
            let pulled = try pull.run("tiny/encoder", refresh: refresh) { events.append($0) }
            #expect(pulled.source == .huggingFaceCache)
            #expect(pulled.folder.path == folder[snapshotPath].path)
        }
        #expect(events.contains(.usingCopy(reason: "HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set")))
        #expect(events.contains(.resolved(try ModelReference("tiny/encoder"), commit: ServedModel.commit)))
        // Another revision is another model, though the commit would be the same.
        #expect(throws: ModelHubError.self) { try pull.run("tiny/encoder@v1") }
        #expect(server.requests.count == before)
    }

    @Test("is what the variables say, as huggingface_hub reads them")
    func variables() {
        for value in ["1", "on", "ON", "Yes", "true"] {
            #expect(HuggingFaceEnvironment(["HF_HUB_OFFLINE": value]).isOffline)
            #expect(HuggingFaceEnvironment(["TRANSFORMERS_OFFLINE": value]).isOffline)
            #expect(HuggingFaceEnvironment(["HF_HUB_OFFLINE": "", "TRANSFORMERS_OFFLINE": value]).isOffline)
            #expect(!HuggingFaceEnvironment(["HF_HUB_OFFLINE": "0", "TRANSFORMERS_OFFLINE": value]).isOffline)
        }
        for value in ["0", "no", "off", "false", "2"] {
            #expect(!HuggingFaceEnvironment(["HF_HUB_OFFLINE": value]).isOffline)
        }
        #expect(!HuggingFaceEnvironment([:]).isOffline)
    }

    @Test("by accident: where the Hub cannot be reached, the copy that is here is the answer")
    func unreachable() throws {
        let folder = try TemporaryFolder()
        var server: LoopbackServer? = try LoopbackServer { ServedModel().answer($0) }
        let address = server?.address ?? ""
        let pull = try ModelPull(address, into: folder)
        _ = try pull.run("tiny/encoder")
        server = nil
        var events: [PullEvent] = []
        let pulled = try pull.run("tiny/encoder", refresh: true) { events.append($0) }
        #expect(pulled.source == .huggingFaceCache)
        #expect(pulled.commit == ServedModel.commit)
        guard events.contains(where: { if case .usingCopy = $0 { true } else { false } }) else {
            Issue.record("\(events)")
            return
        }
        #expect(throws: ModelHubError.self) { try pull.run("tiny/encoder@v1", refresh: true) }
    }
}
