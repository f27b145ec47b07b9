import Foundation
import ModelHub
import Testing

@Suite("The model cache")
struct ModelCacheTests {
    @Test("is where the environment says")
    func places() {
        func cache(_ environment: [String: String]) -> [String] {
            let cache = ModelCache(environment: environment.merging(["HOME": "/home/u"]) { first, _ in first })
            return [cache.folder.path, cache.huggingFaceFolder.path]
        }
        #if os(macOS)
            let own = "/home/u/Library/Caches/graft"
        #else
            let own = "/home/u/.cache/graft"
        #endif
        #expect(cache([:]) == [own, "/home/u/.cache/huggingface/hub"])
        #expect(cache(["XDG_CACHE_HOME": "/x"]) == ["/x/graft", "/x/huggingface/hub"])
        #expect(cache(["GRAFT_CACHE": "/g", "HF_HOME": "/h"]) == ["/g", "/h/hub"])
        #expect(cache(["GRAFT_CACHE": "", "HF_HOME": "/h", "HF_HUB_CACHE": "/c"]) == [own, "/c"])
    }

    @Test("is where Python looks, in each of the ways to say so")
    func samePlacesAsPython() {
        func place(_ environment: [String: String]) -> String {
            ModelCache(environment: environment.merging(["HOME": "/home/u"]) { first, _ in first }).huggingFaceFolder
                .path
        }
        #expect(place(["HUGGINGFACE_HUB_CACHE": "/old", "HF_HOME": "/h"]) == "/old")
        #expect(place(["HUGGINGFACE_HUB_CACHE": "/old", "HF_HUB_CACHE": "/new"]) == "/new")
        #expect(place(["HF_HOME": "$BASE/h", "BASE": "/b"]) == "/b/h/hub")
        #expect(place(["HF_HUB_CACHE": "/x/${A}/$B/$NONE", "A": "a", "B": "$A"]) == "/x/a/$A/$NONE")
        #expect(place(["HF_HOME": "~/h"]) == (NSHomeDirectory() as NSString).appendingPathComponent("h/hub"))
    }

    @Test("resolves a folder, then Hugging Face's copy, then Graft's, and otherwise names the command to run")
    func resolving() throws {
        let folder = try TemporaryFolder()
        let cache = ModelCache(folder: folder["graft"], huggingFaceFolder: folder["hub"])
        try folder.write("", to: "model/x")
        #expect(try cache.resolve(folder["model"].path).path == folder["model"].path)

        let missing = #expect(throws: ModelHubError.self) { try cache.resolve("tiny/encoder") }
        let reference = try ModelReference("tiny/encoder")
        #expect(missing == .notInCache(reference, searched: [folder["hub"].path, folder["graft"].path]))
        #expect(missing?.description.hasSuffix("fetch it with: graft pull tiny/encoder") == true)
        let revision = #expect(throws: ModelHubError.self) { try cache.resolve("tiny/encoder@v1") }
        #expect(revision?.description.hasSuffix("graft pull tiny/encoder@v1") == true)

        func fill(_ place: String) throws {
            for name in ["config.json", "vocab.txt", "model.safetensors"] {
                try folder.write("", to: "\(place)/\(name)")
            }
        }
        try fill("graft/models/tiny--encoder")
        let own = try cache.locate("tiny/encoder")
        #expect(own.folder.path == folder["graft/models/tiny--encoder"].path)
        #expect(own.reference == reference)
        #expect(own.commit == nil)
        // What did not come from the Hub is of no revision in particular.
        #expect(throws: ModelHubError.self) { try cache.resolve("tiny/encoder@v1") }

        let commit = ServedModel.commit
        try folder.write(commit, to: "\(repositoryPath)/refs/main")
        #expect(try cache.resolve("tiny/encoder") == own.folder)  // half a snapshot is none
        try fill(snapshotPath)
        let shared = try cache.locate("tiny/encoder")
        #expect(shared.folder.path == folder[snapshotPath].path)
        #expect(shared.reference == reference)
        #expect(shared.commit == commit)
        #expect(try cache.locate("tiny/encoder@\(commit)").folder.path == folder[snapshotPath].path)
        try folder.write("\(commit)\n", to: "\(repositoryPath)/refs/refs/pr/1")
        #expect(try cache.locate("tiny/encoder@refs/pr/1").commit == commit)
        for other in ["v2", "0123456", String(repeating: "0", count: 40)] {
            #expect(throws: ModelHubError.self) { try cache.resolve("tiny/encoder@\(other)") }
        }
        // Nor is a reference that leads out of the cache.
        try folder.write("../../../elsewhere", to: "\(repositoryPath)/refs/evil")
        #expect(throws: ModelHubError.self) { try cache.resolve("tiny/encoder@evil") }
    }

    @Test("does not take a folder for whole that lacks what its modules are configured by")
    func halfSentenceTransformer() throws {
        let folder = try TemporaryFolder()
        let cache = ModelCache(folder: folder["graft"], huggingFaceFolder: folder["hub"])
        try folder.write(ServedModel.commit, to: "\(repositoryPath)/refs/main")
        for name in ["config.json", "vocab.txt", "model.safetensors"] {
            try folder.write("", to: "\(snapshotPath)/\(name)")
        }
        #expect(throws: Never.self) { try cache.resolve("tiny/encoder") }
        try folder.write(
            """
            [{"path": "", "type": "sentence_transformers.models.Transformer"},
             {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
             {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}]
            """, to: "\(snapshotPath)/modules.json")
        #expect(throws: ModelHubError.self) { try cache.resolve("tiny/encoder") }
        try folder.write("{}", to: "\(snapshotPath)/1_Pooling/config.json")
        #expect(throws: Never.self) { try cache.resolve("tiny/encoder") }
    }

    @Test("reads a model and its revision from one text, and writes them so")
    func references() throws {
        for (text, name, revision, description) in [
            ("a/b", "a/b", "main", "a/b"), ("a/b@v1.0", "a/b", "v1.0", "a/b@v1.0"), ("b@main", "b", "main", "b"),
            ("a/b@refs/pr/1", "a/b", "refs/pr/1", "a/b@refs/pr/1"), ("a/b@x@y", "a/b", "x@y", "a/b@x@y"),
        ] {
            let reference = try ModelReference(text)
            #expect(reference.name.description == name)
            #expect(reference.revision == revision)
            #expect(reference.description == description)
        }
    }

    @Test("tells a path from a name")
    func pathsAndNames() throws {
        let folder = try TemporaryFolder()
        let cache = ModelCache(folder: folder["graft"], huggingFaceFolder: folder["hub"])
        for path in ["/no/such", "./no", "../no", "~/no/such/folder", "a/b/c", "a/b/c@v1"] {
            #expect(throws: ModelHubError.noSuchFolder(path)) { try cache.resolve(path) }
        }
        for text in ["", "a b", "a/", "/a".dropFirst() + "//", "-a/b", "a/.b", "a--b", "a..b", "a/b?c", "é/b"] {
            #expect(throws: ModelHubError.self, "\(text)") { try cache.resolve(String(text)) }
            #expect(throws: ModelHubError.malformedName(String(text))) { try ModelName(String(text)) }
        }
        #expect(try ModelName("bert-base-uncased").description == "bert-base-uncased")
    }
}
