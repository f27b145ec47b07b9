import Files
import Foundation
import ModelHub
import Testing

/// What the Hub says no to, in its own codes, and what is said to the user.
@Suite("A refused pull", .timeLimit(.minutes(2)))
struct RefusalTests {
    private let model = ServedModel()

    private func refusal(
        _ status: Int, _ code: String? = nil, message: String? = nil, token: String? = nil,
        of name: String = "tiny/encoder", onlyFiles: Bool = false
    ) throws -> (error: ModelHubError?, endpoint: String) {
        let folder = try TemporaryFolder()
        var headers: [String: String] = [:]
        headers["X-Error-Code"] = code
        headers["X-Error-Message"] = message
        let response = LoopbackServer.Response(status: status, headers: headers)
        let server = try LoopbackServer { [model] request in
            onlyFiles && request.path.hasPrefix("/api") ? model.answer(request) : response
        }
        let pull = try ModelPull(server.address, into: folder, token: token)
        let error = #expect(throws: ModelHubError.self) { try pull.run(name) }
        #expect(server.requests.count == (onlyFiles ? 2 : 1), "what is refused is not asked for again")
        #expect(token.map { error?.description.contains($0) == false } ?? true, "the token is never shown")
        #expect(!FileManager.default.fileExists(atPath: folder["\(repositoryPath)/snapshots"].path))
        #expect(!FileManager.default.fileExists(atPath: folder["\(repositoryPath)/refs"].path))
        return (error, server.address)
    }

    @Test("of a gated model says where to ask for access, and as whom", arguments: [401, 403])
    func gated(status: Int) throws {
        for onlyFiles in [false, true] {
            let (without, endpoint) = try refusal(status, "GatedRepo", onlyFiles: onlyFiles)
            let page = "\(endpoint)/tiny/encoder"
            #expect(without == .gated(model: "tiny/encoder", page: page, token: nil))
            #expect(without?.description.contains("ask for access on \(page), and set HF_TOKEN") == true)
            let (with, other) = try refusal(status, "GatedRepo", token: "hf_secret", onlyFiles: onlyFiles)
            #expect(with == .gated(model: "tiny/encoder", page: "\(other)/tiny/encoder", token: "HF_TOKEN"))
            #expect(with?.description.contains("as the user whose token is in HF_TOKEN") == true)
        }
    }

    @Test("of a model that is not there, or not for this user, says so")
    func notFound() throws {
        // The Hub does not tell strangers which of the two it is.
        let (stranger, _) = try refusal(401, "RepoNotFound", message: "Invalid username or password.")
        #expect(stranger == .unauthorized(model: "tiny/encoder", status: 401, token: nil))
        #expect(stranger?.description.contains("does not exist, or is private") == true)
        #expect(stranger?.description.contains("set HF_TOKEN") == true)
        let (user, endpoint) = try refusal(404, "RepoNotFound", token: "hf_secret")
        #expect(user == .notFound(model: "tiny/encoder", endpoint: endpoint, token: "HF_TOKEN"))
        #expect(user?.description.contains("that the token in HF_TOKEN may see") == true)
        let (plain, mirror) = try refusal(404)
        #expect(plain == .notFound(model: "tiny/encoder", endpoint: mirror, token: nil))
        for status in [401, 403] {
            let (refused, _) = try refusal(status, token: "hf_secret")
            #expect(refused == .unauthorized(model: "tiny/encoder", status: status, token: "HF_TOKEN"))
            #expect(refused?.description.contains("use another token") == true)
        }
    }

    @Test("of a revision that is not there names it")
    func noSuchRevision() throws {
        let (error, endpoint) = try refusal(404, "RevisionNotFound", of: "tiny/encoder@refs/pr/7")
        let reference = try ModelReference("tiny/encoder@refs/pr/7")
        #expect(error == .noSuchRevision(reference, endpoint: endpoint))
        #expect(error?.description.contains("no branch, tag or commit refs/pr/7") == true)
    }

    @Test("of a file that the Hub lists but does not have names it")
    func missingFile() throws {
        let (error, _) = try refusal(404, "EntryNotFound", onlyFiles: true)
        guard case .missingFile("tiny/encoder", _, let advice)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(advice?.contains("the Hub lists it") == true)
    }

    @Test("with a token that the Hub does not know says where that came from")
    func unknownToken() throws {
        let words = "Invalid credentials in Authorization header"
        let (error, _) = try refusal(401, message: words, token: "hf_secret")
        #expect(error == .tokenRefused(origin: "HF_TOKEN"))
    }

    @Test("of a model that the Hub has withdrawn says so")
    func disabled() throws {
        let (error, _) = try refusal(403, message: "Access to this resource is disabled.")
        #expect(error == .disabled(model: "tiny/encoder"))
    }
}
