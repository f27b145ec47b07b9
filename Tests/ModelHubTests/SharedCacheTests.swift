import Files
import Foundation
import ModelHub
import Synchronization
import Testing

/// The cache as Hugging Face's own library lays it out; `Tests/Peers/compare_hub_cache.py` shows the same with that
/// library.
@Suite("The cache shared with Python", .timeLimit(.minutes(2)))
struct SharedCacheTests {
    private let model = ServedModel()

    private func link(_ place: URL) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: place.path)
    }

    @Test("has blobs by hash, snapshots of relative links, and the commit of a revision, without a line end")
    func layout() throws {
        let folder = try TemporaryFolder()
        let server = try LoopbackServer { [model] in model.answer($0) }
        let pull = try ModelPull(server.address, into: folder)
        _ = try pull.run("tiny/encoder")
        let commit = ServedModel.commit
        #expect(
            try folder.files(below: "\(repositoryPath)/blobs") == fetchedFiles.map(model.blob).sorted())
        #expect(
            try link(folder["\(snapshotPath)/model.safetensors"])
                == "../../blobs/\(SHA256.hexDigest(of: ServedModel.weights))")
        #expect(
            try link(folder["\(snapshotPath)/1_Pooling/config.json"])
                == "../../../blobs/\(model.blob("1_Pooling/config.json"))")
        #expect(try Data(contentsOf: folder["\(repositoryPath)/refs/main"]) == Data(commit.utf8))
        let locks = try folder.files(below: "hub/.locks/models--tiny--encoder")
        #expect(locks == fetchedFiles.map { "\(model.blob($0)).lock" }.sorted())
        // Nothing else: no draft, no half file.
        let top = try FileManager.default.contentsOfDirectory(atPath: folder[repositoryPath].path).sorted()
        #expect(top == ["blobs", "refs", "snapshots"])
        // Another name for the commit is one file more, and no byte fetched.
        let before = server.requests.count
        _ = try pull.run("tiny/encoder@v1")
        _ = try pull.run("tiny/encoder@refs/pr/1")
        _ = try pull.run("tiny/encoder@\(commit)")
        #expect(server.requests.count == before + 2)  // a commit that is here needs no question
        #expect(try folder.files(below: "\(repositoryPath)/refs") == ["main", "refs/pr/1", "v1"])
        #expect(try folder.files(below: "\(repositoryPath)/snapshots").count == fetchedFiles.count)
    }

    @Test("gives a moved branch a second snapshot, which shares what has not changed")
    func movedBranch() throws {
        let folder = try TemporaryFolder()
        let moved = Atomic(false)
        let next = String(repeating: "a", count: 40)
        let server = try LoopbackServer { [model] request in
            guard moved.load(ordering: .relaxed) else { return model.answer(request) }
            var changed = model
            changed.files["config.json"] = Data("{\"changed\": 1}".utf8)
            changed.revisions = ["main"]
            var response = changed.answer(
                .init(path: request.path.replacing(next, with: ServedModel.commit), headers: request.headers))
            let text = String(decoding: response.body, as: UTF8.self)
            if request.path.hasPrefix("/api") {
                response.body = Data(text.replacing(ServedModel.commit, with: next).utf8)
            }
            return response
        }
        let pull = try ModelPull(server.address, into: folder)
        let first = try pull.run("tiny/encoder")
        moved.store(true, ordering: .relaxed)
        #expect(try pull.run("tiny/encoder").folder == first.folder)
        let before = server.requests.count
        let second = try pull.run("tiny/encoder", refresh: true)
        #expect(second.commit == next)
        #expect(server.requests.count == before + 2)  // the list, and the one file
        #expect(
            try String(contentsOf: second.folder.appendingPathComponent("config.json"), encoding: .utf8)
                == "{\"changed\": 1}")
        #expect(try String(contentsOf: first.folder.appendingPathComponent("config.json"), encoding: .utf8) == "{}")
        let cache = ModelCache(folder: folder["graft"], huggingFaceFolder: folder["hub"])
        #expect(try cache.locate("tiny/encoder").commit == next)
        #expect(try cache.locate("tiny/encoder@\(ServedModel.commit)").folder == first.folder)
    }

    @Test("is completed where Python fetched only some of the files, and asks nobody where it fetched enough")
    func completed() throws {
        let folder = try TemporaryFolder()
        let server = try LoopbackServer { [model] in model.answer($0) }
        let pull = try ModelPull(server.address, into: folder)
        try folder.write(ServedModel.commit, to: "\(repositoryPath)/refs/main")
        // A link, a copy as on a disk without links, and a link to a blob that is gone.
        try folder.write("{}", to: "\(repositoryPath)/blobs/\(model.blob("config.json"))")
        try folder.write("{\"a\": 1}", to: "\(snapshotPath)/tokenizer.json")
        for (name, blob) in [("config.json", model.blob("config.json")), ("model.safetensors", "none")] {
            try FileManager.default.createSymbolicLink(
                atPath: folder["\(snapshotPath)/\(name)"].path, withDestinationPath: "../../blobs/\(blob)")
        }
        #expect(try pull.run("tiny/encoder").source == .hub(endpoint: server.address))
        #expect(server.requests.allSatisfy { !$0.path.hasSuffix("/resolve/\(ServedModel.commit)/config.json") })
        #expect(try folder.files(below: snapshotPath) == fetchedFiles)
        #expect(try Data(contentsOf: folder["\(snapshotPath)/model.safetensors"]) == ServedModel.weights)
        let before = server.requests.count
        #expect(try pull.run("tiny/encoder").source == .huggingFaceCache)
        #expect(server.requests.count == before)
    }

    @Test("is served to two pulls at once: each file is fetched once")
    func twoAtOnce() throws {
        let folder = try TemporaryFolder()
        let server = try LoopbackServer { [model] request in
            var response = model.answer(request)
            if request.isForWeights { response.silence = 0.3 }
            return response
        }
        let outcomes = Mutex<[Result<PulledModel, any Error>]>([])
        let pull = try ModelPull(server.address, into: folder)
        DispatchQueue.concurrentPerform(iterations: 4) { _ in
            let outcome = Result { () throws(any Error) in try pull.run("tiny/encoder", refresh: true) }
            outcomes.withLock { $0.append(outcome) }
        }
        for outcome in outcomes.withLock({ $0 }) {
            #expect(try outcome.get().folder.path == folder[snapshotPath].path)
        }
        #expect(try folder.files(below: snapshotPath) == fetchedFiles)
        for name in fetchedFiles {
            #expect(try Data(contentsOf: folder["\(snapshotPath)/\(name)"]) == model.files[name])
            #expect(server.requests.filter { $0.path.hasSuffix("\(ServedModel.commit)/\(name)") }.count == 1)
        }
        let top = try FileManager.default.contentsOfDirectory(atPath: folder[repositoryPath].path).sorted()
        #expect(top == ["blobs", "refs", "snapshots"])
    }

    @Test("waits for a file that another process, Python among them, is fetching")
    func lock() throws {
        let folder = try TemporaryFolder()
        let server = try LoopbackServer { [model] in model.answer($0) }
        let hash = model.blob("model.safetensors")
        try folder.write("", to: "hub/.locks/models--tiny--encoder/\(hash).lock")
        let lock = Mutex<FileLock?>(try FileLock(at: folder["hub/.locks/models--tiny--encoder/\(hash).lock"]) {})
        var waited = 0
        _ = try ModelPull(server.address, into: folder).run("tiny/encoder") { event in
            guard event == .waiting else { return }
            waited += 1
            // The other one has fetched it.
            do {
                try ServedModel.weights.write(to: folder["\(repositoryPath)/blobs/\(hash)"])
            } catch { Issue.record(error) }
            lock.withLock { $0 = nil }
        }
        #expect(waited == 1)
        #expect(server.requests.allSatisfy { !$0.isForWeights })
        #expect(try Data(contentsOf: folder["\(snapshotPath)/model.safetensors"]) == ServedModel.weights)
    }

    @Test("fetches a blob again whose length is not that of its file")
    func shortBlob() throws {
        let folder = try TemporaryFolder()
        let server = try LoopbackServer { [model] in model.answer($0) }
        try folder.write("short", to: "\(repositoryPath)/blobs/\(model.blob("model.safetensors"))")
        _ = try ModelPull(server.address, into: folder).run("tiny/encoder")
        #expect(try Data(contentsOf: folder["\(snapshotPath)/model.safetensors"]) == ServedModel.weights)
    }

    @Test("names small files as Git does")
    func gitHashes() throws {
        func hash(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { GitBlobHash.hexDigest(of: $0) } }
        // `git hash-object --stdin`
        #expect(hash([]) == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
        #expect(hash(Array("hello\n".utf8)) == "ce013625030ba8dba906f756967f9e9ca394464a")
        // The lengths about which a block of 64 bytes fills up: heads are 7 bytes and the length's digits.
        let expected = [
            1: "f76dd238ade08917e6712764a16a22005a50573d",
            45: "e67e413bf9fc627984a7df9b41a2ffb5ce54ff59",
            46: "efb2e68616682b4b55bc6d4df4b8290ca7088c3e",
            47: "1a5272590cddcc917d9cddd1fd8803886db44c94",
            54: "a8dc7830db6419cf425b8a657e997b7b5e5837b0",
            55: "5a2671066085c252e2aaba3c9ec4472823312d0c",
            56: "f0c53bf6ea1267b5983fa728258cb38c1f720b12",
            57: "107e3569a5571cf499f69c4d83858e2d36ae1ecc",
            63: "77692d2070ee3da1bc9e8c62eeb6ea19dc9c7621",
            64: "c8c7b915b70f45fd51367dd6da80e53dcd5e26e6",
            65: "53fa8b9a8d0cffc79f883a5a6f97fce505bbf0b2",
            110: "8aeaed3b18d603ed63df8ad0584c5229a5195e96",
            111: "f868805a894d567315803b2032c365eb9d08688f",
            118: "2a2c968403609ae52155eca9084f62b767e8e256",
            119: "aeda2cf990c809bf0741cddbd72edb1464cb84f8",
            120: "5ba089525b60c7324738efae05be81dc4894159f",
            121: "885382e3311e4bbc700bce5e323db3e20cc3fc2f",
            1000: "84aa8c32e7aaeeb1424f1d5fac19059b7fbcfb6b",
        ]
        for (length, digest) in expected {
            #expect(hash((0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }) == digest, "\(length)")
        }
        let folder = try TemporaryFolder()
        try Data((0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }).write(to: folder["file"])
        #expect(try GitBlobHash.hexDigest(ofFileAt: folder["file"]) == expected[1000])
    }
}
