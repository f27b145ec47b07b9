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

    @Test("resolves a folder, then Graft's copy, then Hugging Face's, and otherwise names the command to run")
    func resolving() throws {
        let folder = try TemporaryFolder()
        let cache = ModelCache(folder: folder["graft"], huggingFaceFolder: folder["hub"])
        try folder.write("", to: "model/x")
        #expect(try cache.resolve(folder["model"].path).path == folder["model"].path)

        let missing = #expect(throws: ModelHubError.self) { try cache.resolve("tiny/encoder") }
        #expect(
            missing
                == .notInCache(
                    model: "tiny/encoder", revision: "main", searched: [folder["graft"].path, folder["hub"].path]))
        #expect(missing?.description.hasSuffix("fetch it with: graft pull tiny/encoder") == true)
        let revision = #expect(throws: ModelHubError.self) { try cache.resolve("tiny/encoder", revision: "v1") }
        #expect(revision?.description.hasSuffix("graft pull tiny/encoder --revision v1") == true)

        func fill(_ place: String) throws {
            for name in ["config.json", "vocab.txt", "model.safetensors"] {
                try folder.write("", to: "\(place)/\(name)")
            }
        }
        try folder.write("abc", to: "hub/models--tiny--encoder/refs/main")
        #expect(throws: ModelHubError.self) { try cache.resolve("tiny/encoder") }
        try fill("hub/models--tiny--encoder/snapshots/abc")
        let shared = folder["hub/models--tiny--encoder/snapshots/abc"].path
        #expect(try cache.resolve("tiny/encoder").path == shared)
        try fill("graft/models/tiny--encoder")
        #expect(try cache.resolve("tiny/encoder").path == folder["graft/models/tiny--encoder"].path)
        try fill("graft/models/tiny--encoder@refs--pr--1")
        let other = folder["graft/models/tiny--encoder@refs--pr--1"].path
        #expect(try cache.resolve("tiny/encoder", revision: "refs/pr/1").path == other)
    }

    @Test("tells a path from a name")
    func pathsAndNames() throws {
        let folder = try TemporaryFolder()
        let cache = ModelCache(folder: folder["graft"], huggingFaceFolder: folder["hub"])
        for path in ["/no/such", "./no", "../no", "~/no/such/folder", "a/b/c"] {
            #expect(throws: ModelHubError.noSuchFolder(path)) { try cache.resolve(path) }
        }
        for text in ["", "a b", "a/", "/a".dropFirst() + "//", "-a/b", "a/.b", "a--b", "a..b", "a/b?c", "é/b"] {
            #expect(throws: ModelHubError.self, "\(text)") { try cache.resolve(String(text)) }
            #expect(throws: ModelHubError.malformedName(String(text))) { try ModelName(String(text)) }
        }
        #expect(try ModelName("bert-base-uncased").description == "bert-base-uncased")
    }
}
