import Files
import Foundation
import ModelHub
import Synchronization
import Testing

@Suite("A pull", .timeLimit(.minutes(2)))
struct ModelPullTests {
    private let model = ServedModel()
    private let weightsHash = SHA256.hexDigest(of: ServedModel.weights)

    @Test("fetches what an encoder needs and no more, verifies it, and says what it does")
    func whole() throws {
        let folder = try TemporaryFolder()
        let server = try LoopbackServer { [model] in model.answer($0) }
        var events: [PullEvent] = []
        let pull = try ModelPull(server.address, into: folder, token: "secret")
        let pulled = try pull.run("tiny/encoder") { events.append($0) }
        #expect(pulled.folder.path == folder[snapshotPath].path)
        #expect(pulled.commit == ServedModel.commit)
        #expect(pulled.source == .hub(endpoint: server.address))
        #expect(try folder.files(below: snapshotPath) == fetchedFiles)
        for name in fetchedFiles {
            #expect(try Data(contentsOf: folder["\(snapshotPath)/\(name)"]) == model.files[name])
        }
        #expect(
            events.prefix(2) == [
                .listing(endpoint: server.address),
                .resolved(try ModelReference("tiny/encoder"), commit: ServedModel.commit),
            ])
        #expect(events.contains(.fetched(file: "model.safetensors", bytes: 300_000)))
        #expect(server.requests.count == 1 + fetchedFiles.count)
        #expect(server.requests.allSatisfy { $0.headers["authorization"] == "Bearer secret" })
        #expect(!FileManager.default.fileExists(atPath: folder["graft"].path))
        // Now it is here: no request.
        events = []
        let again = try pull.run("tiny/encoder") { events.append($0) }
        #expect(again.source == .huggingFaceCache)
        #expect(again.folder == pulled.folder)
        #expect(again.commit == ServedModel.commit)
        #expect(events.last == .alreadyHere(again.folder))
        #expect(server.requests.count == 1 + fetchedFiles.count)
        // Unless the Hub is to be asked again: what is here is not fetched a second time, what is gone is.
        try FileManager.default.removeItem(at: folder["\(repositoryPath)/blobs/\(model.blob("tokenizer.json"))"])
        #expect(try pull.run("tiny/encoder", refresh: true).folder == pulled.folder)
        #expect(server.requests.count == 1 + fetchedFiles.count + 2)
        #expect(try folder.files(below: snapshotPath) == fetchedFiles)
    }

    @Test("goes on where the connection was cut")
    func resumed() throws {
        let folder = try TemporaryFolder()
        let cuts = Mutex([100_000, 50_000])
        let server = try LoopbackServer { [model] request in
            var response = model.answer(request)
            if request.isForWeights { response.cutAfter = cuts.withLock { $0.popLast() } }
            return response
        }
        var retries = 0
        _ = try ModelPull(server.address, into: folder).run("tiny/encoder") {
            if case .retrying("model.safetensors", _, _) = $0 { retries += 1 }
        }
        let ranges = server.requests.filter(\.isForWeights).map { $0.headers["range"] }
        #expect(ranges == [nil, "bytes=50000-", "bytes=150000-"])
        #expect(retries == 2)
        #expect(try Data(contentsOf: folder["\(snapshotPath)/model.safetensors"]) == ServedModel.weights)
    }

    @Test("goes on where an earlier pull gave up, without fetching whole files again")
    func resumedLater() throws {
        let folder = try TemporaryFolder()
        let isCut = Atomic(true)
        let server = try LoopbackServer { [model] request in
            var response = model.answer(request)
            if request.isForWeights && isCut.load(ordering: .relaxed) { response.cutAfter = 1000 }
            return response
        }
        let pull = try ModelPull(server.address, into: folder, attempts: 2)
        let error = #expect(throws: ModelHubError.self) { try pull.run("tiny/encoder") }
        #expect(error == .truncated(file: "model.safetensors", found: 2000, expected: 300_000))
        #expect(!FileManager.default.fileExists(atPath: folder["\(repositoryPath)/snapshots"].path))
        isCut.store(false, ordering: .relaxed)
        _ = try pull.run("tiny/encoder")
        #expect(server.requests.last(where: \.isForWeights)?.headers["range"] == "bytes=2000-")
        #expect(try Data(contentsOf: folder["\(snapshotPath)/model.safetensors"]) == ServedModel.weights)
        #expect(server.requests.filter { $0.path.hasSuffix("/tokenizer.json") }.count == 1)
    }

    @Test("starts a file over where the server does not know ranges, or gives another one")
    func unknownRanges() throws {
        for isWrongRange in [false, true] {
            let folder = try TemporaryFolder()
            let attempts = Atomic(0)
            let server = try LoopbackServer { [model] request in
                guard request.isForWeights else { return model.answer(request) }
                let attempt = attempts.add(1, ordering: .relaxed).newValue
                var response = LoopbackServer.Response(body: ServedModel.weights)
                if attempt == 1 { response.cutAfter = 1000 }
                if attempt == 2 && isWrongRange {
                    response.status = 206
                    response.headers["Content-Range"] = "bytes 0-299999/300000"
                }
                return response
            }
            _ = try ModelPull(server.address, into: folder).run("tiny/encoder")
            let ranges = server.requests.filter(\.isForWeights).map { $0.headers["range"] }
            #expect(ranges == (isWrongRange ? [nil, "bytes=1000-", nil] : [nil, "bytes=1000-"]))
            #expect(try Data(contentsOf: folder["\(snapshotPath)/model.safetensors"]) == ServedModel.weights)
        }
    }

    @Test("of a body that always ends early tells how much came and how much should have")
    func truncated() throws {
        let cut = try TemporaryFolder()
        let (cutError, cutServer) = try refusedPull(in: cut) { [model] request in
            guard request.isForWeights else { return model.answer(request) }
            return .init(body: ServedModel.weights, cutAfter: 1234)
        }
        #expect(cutError == .truncated(file: "model.safetensors", found: 1234, expected: 300_000))
        #expect(cutServer.requests.filter(\.isForWeights).count == 3)
        // The server itself believes that this is all.
        let short = try TemporaryFolder()
        let (shortError, _) = try refusedPull(in: short) { [model] request in
            guard request.isForWeights else { return model.answer(request) }
            return .init(body: ServedModel.weights.prefix(99))
        }
        #expect(shortError == .truncated(file: "model.safetensors", found: 99, expected: 300_000))
    }

    @Test("of a body longer than promised is refused, and the file removed")
    func tooLong() throws {
        let folder = try TemporaryFolder()
        let (error, _) = try refusedPull(in: folder) { [model] request in
            guard request.path.hasSuffix("/tokenizer.json") else { return model.answer(request) }
            return .init(body: Data("{\"a\": 12}".utf8))
        }
        #expect(error == .tooLong(file: "tokenizer.json", found: 9, expected: 8))
        #expect(
            try folder.files(below: "\(repositoryPath)/blobs").allSatisfy {
                !$0.hasPrefix(model.blob("tokenizer.json"))
            })
    }

    @Test("of another file than was promised is refused with both hashes, and the file removed")
    func wrongHash() throws {
        let folder = try TemporaryFolder()
        let other = Data(repeating: 1, count: 300_000)
        let (error, server) = try refusedPull(in: folder) { [model] request in
            request.isForWeights ? .init(body: other) : model.answer(request)
        }
        #expect(
            error
                == .wrongHash(file: "model.safetensors", found: SHA256.hexDigest(of: other), expected: weightsHash))
        #expect(server.requests.filter(\.isForWeights).count == 1)
        #expect(!FileManager.default.fileExists(atPath: folder["\(repositoryPath)/snapshots"].path))
        #expect(try folder.files(below: "\(repositoryPath)/blobs").allSatisfy { !$0.hasPrefix(weightsHash) })
        // Of a small file the hash is Git's.
        let small = try TemporaryFolder()
        let (smallError, _) = try refusedPull(in: small) { [model] request in
            request.path.hasSuffix("/tokenizer.json") ? .init(body: Data("{\"b\": 1}".utf8)) : model.answer(request)
        }
        #expect(
            smallError
                == .wrongHash(
                    file: "tokenizer.json",
                    found: Data("{\"b\": 1}".utf8).withUnsafeBytes { GitBlobHash.hexDigest(of: $0) },
                    expected: model.blob("tokenizer.json")))
    }

    @Test("tries again after the server's passing failures, and gives up in the end")
    func serverErrors() throws {
        let folder = try TemporaryFolder()
        let failures = Mutex<[String: [Int]]>([:])
        let server = try LoopbackServer { [model] request in
            guard request.path.hasPrefix("/api") || request.isForWeights else { return model.answer(request) }
            // Each of the two fails twice, in two ways.
            let status = failures.withLock { $0[request.path, default: [429, 503]].popLast() }
            return status.map { .init(status: $0) } ?? model.answer(request)
        }
        _ = try ModelPull(server.address, into: folder).run("tiny/encoder")
        #expect(server.requests.count == 1 + fetchedFiles.count + 2 + 2)
        let (down, downServer) = try refusedPull(of: "tiny/down", in: folder) { _ in .init(status: 500) }
        let address = "\(downServer.address)/api/models/tiny/down/revision/main?blobs=true"
        #expect(down == .serverError(address: address, status: 500))
        #expect(downServer.requests.count == 3)
    }

    @Test("takes the token to the server it is for, and not to one that this redirects to")
    func redirects() throws {
        let folder = try TemporaryFolder()
        let storage = try LoopbackServer { [model] in model.answer($0) }
        let storageAddress = storage.address
        let hub = try LoopbackServer { [model] request in
            if request.isForWeights {
                return .init(status: 302, headers: ["Location": storageAddress + request.path])
            }
            if request.path.hasSuffix("/tokenizer.json") && !request.path.hasPrefix("/moved") {
                return .init(status: 307, headers: ["Location": "/moved" + request.path])
            }
            if request.path.hasPrefix("/moved") { return .init(body: model.files["tokenizer.json"] ?? Data()) }
            return model.answer(request)
        }
        // A beginning from an earlier pull: the range goes along.
        let partial = "\(repositoryPath)/blobs/\(weightsHash).incomplete"
        try folder.write("", to: partial)
        try ServedModel.weights.prefix(10).write(to: folder[partial])
        _ = try ModelPull(hub.address, into: folder, token: "secret").run("tiny/encoder")
        #expect(storage.requests.count == 1)
        #expect(storage.requests.allSatisfy { $0.headers["authorization"] == nil })
        #expect(storage.requests.first?.headers["range"] == "bytes=10-")
        let moved = hub.requests.filter { $0.path.hasPrefix("/moved") }
        #expect(moved.map { $0.headers["authorization"] } == ["Bearer secret"])
        #expect(hub.requests.allSatisfy { $0.headers["authorization"] == "Bearer secret" })
        #expect(try Data(contentsOf: folder["\(snapshotPath)/model.safetensors"]) == ServedModel.weights)
    }

    @Test("does not believe an answer that is not the Hub's")
    func unexpectedAnswers() throws {
        let bodies = [
            "<html>", "{}", "{\"sha\": \"\(ServedModel.commit)\"}",
            String(decoding: model.listing, as: UTF8.self).replacing(ServedModel.commit, with: "../../elsewhere"),
            String(decoding: model.listing, as: UTF8.self).replacing("\"size\"", with: "\"bytes\""),
            String(decoding: model.listing, as: UTF8.self).replacing("\"blobId\"", with: "\"hash\""),
            String(decoding: model.listing, as: UTF8.self).replacing(weightsHash, with: "../../../evil"),
        ]
        for body in bodies {
            let folder = try TemporaryFolder()
            let (error, server) = try refusedPull(in: folder) { _ in .init(body: Data(body.utf8)) }
            guard case .unexpectedAnswer? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(server.requests.count == 1)
        }
    }

    @Test("never writes outside of its folder, whatever names the Hub gives")
    func hostileNames() throws {
        let folder = try TemporaryFolder()
        var hostile = model
        for name in [
            "../evil", "/evil", "1_Pooling/../../evil/config.json", "../1_P/config.json", "a\\\\b/config.json",
        ] {
            hostile.files[name] = Data("evil".utf8)
        }
        let server = try LoopbackServer { [hostile] in hostile.answer($0) }
        _ = try ModelPull(server.address, into: folder).run("tiny/encoder")
        #expect(
            try folder.files(below: "\(repositoryPath)/snapshots") == fetchedFiles.map { "\(ServedModel.commit)/\($0)" }
        )
        #expect(server.requests.allSatisfy { !$0.path.contains("evil") })
        let pull = try ModelPull(server.address, into: folder)
        for name in ["../x", "a/b/c", "@main"] {
            #expect(throws: ModelHubError.malformedName(name.hasPrefix("@") ? "" : name)) { try pull.run(name) }
        }
        for revision in ["../x", "a//b", "", "/a", "a/", ".a", "-a", "a b", "a\\b", "a\nb", "a:b", "a?b"] {
            #expect(throws: ModelHubError.malformedRevision(revision)) { try pull.run("tiny/encoder@\(revision)") }
        }
    }

    @Test("gives up on a server that says nothing")
    func silent() throws {
        let folder = try TemporaryFolder()
        let server = try LoopbackServer { _ in .init(silence: 8) }
        let pull = try ModelPull(server.address, into: folder, timeout: 1)
        let error = #expect(throws: ModelHubError.self) { try pull.run("tiny/encoder") }
        guard case .unreachable(server.address, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(server.requests.count == 1)
    }

    @Test("without a server says that it cannot be reached")
    func unreachable() throws {
        let folder = try TemporaryFolder()
        var server: LoopbackServer? = try LoopbackServer { _ in .init() }
        let address = server?.address ?? ""
        server = nil  // the port was free, and is again
        let pull = try ModelPull(address, into: folder)
        let error = #expect(throws: ModelHubError.self) { try pull.run("tiny/encoder") }
        guard case .unreachable(address, let reason)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!reason.isEmpty)
        for text in ["nonsense", "ftp://x", "http://"] {
            #expect(throws: ModelHubError.malformedEndpoint(text)) {
                try HuggingFaceHub(environment: ["HF_ENDPOINT": text])
            }
        }
    }
}
