import Foundation
import ModelHub
import Testing

/// Where a token is looked for: the order of huggingface_hub's `get_token`.
@Suite("A token", .timeLimit(.minutes(2)))
struct TokenTests {
    /// The header that a pull with this environment sends.
    private func header(_ environment: [String: String], in folder: TemporaryFolder) throws -> String? {
        let server = try LoopbackServer { _ in .init(status: 404) }
        let hub = try HuggingFaceHub(
            environment: environment.merging(["HF_ENDPOINT": server.address, "HOME": folder["home"].path]) { first, _ in
                first
            }, delays: [], timeout: 10)
        let cache = ModelCache(folder: folder["graft"], huggingFaceFolder: folder["hub"])
        let pull = ModelPull(from: hub, into: cache, python: PythonCommand(executable: folder["none"]))
        #expect(throws: ModelHubError.self) { try pull.run("tiny/encoder") }
        #expect(server.requests.count == 1)
        return server.requests.first?.headers["authorization"]
    }

    @Test("comes from the variables first, then from the file, each in its order")
    func order() throws {
        let folder = try TemporaryFolder()
        #expect(try header([:], in: folder) == nil)
        try folder.write("in-home\n", to: "home/.cache/huggingface/token")
        try folder.write("  in-hf-home\r\n", to: "hf/token")
        try folder.write("elsewhere", to: "elsewhere")
        let places = ["HF_HOME": folder["hf"].path, "HF_TOKEN_PATH": folder["elsewhere"].path]
        #expect(try header([:], in: folder) == "Bearer in-home")
        #expect(try header(["HF_HOME": folder["hf"].path], in: folder) == "Bearer in-hf-home")
        #expect(try header(places, in: folder) == "Bearer elsewhere")
        let old = places.merging(["HUGGING_FACE_HUB_TOKEN": "old"]) { $1 }
        #expect(try header(old, in: folder) == "Bearer old")
        #expect(try header(old.merging(["HF_TOKEN": " new\n"]) { $1 }, in: folder) == "Bearer new")
        // Empty is unset; space alone is no token either, but it was set.
        #expect(try header(old.merging(["HF_TOKEN": ""]) { $1 }, in: folder) == "Bearer old")
        #expect(try header(old.merging(["HF_TOKEN": " \n"]) { $1 }, in: folder) == "Bearer elsewhere")
        #expect(try header(old.merging(["HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]) { $1 }, in: folder) == nil)
        #expect(try header(["XDG_CACHE_HOME": folder["none"].path], in: folder) == nil)
    }

    @Test("is in nothing that is printed of the Hub")
    func neverShown() throws {
        let hub = try HuggingFaceHub(environment: ["HF_TOKEN": "hf_secret"])
        var text = "\(hub) \(String(reflecting: hub)) "
        dump(hub, to: &text)
        #expect(text.contains("HF_TOKEN"))
        #expect(!text.contains("hf_secret"))
    }

    @Test("in a file that cannot be read is an error, not no token")
    func unreadable() throws {
        let folder = try TemporaryFolder()
        try folder.write("", to: "token/x")  // a folder of that name
        let error = #expect(throws: ModelHubError.self) {
            try HuggingFaceHub(environment: ["HF_TOKEN_PATH": folder["token"].path])
        }
        #expect(error?.description.contains(folder["token"].path) == true)
    }
}
