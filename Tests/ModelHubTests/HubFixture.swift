import Files
import Foundation
import ModelHub
import Testing

/// A folder for one test, removed when the test is over.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("graft-hub-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        do { try FileManager.default.removeItem(at: url) } catch { print("left behind: \(url.path)") }
    }

    subscript(name: String) -> URL { url.appendingPathComponent(name) }

    /// Writes a file and the folders that it is in.
    func write(_ text: String, to name: String) throws {
        try FileManager.default.createDirectory(
            at: self[name].deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: self[name])
    }

    /// The paths of all files below, sorted.
    func files(below name: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: self[name].path).sorted().filter {
            var isFolder: ObjCBool = false
            let path = self[name].appendingPathComponent($0).path
            return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
        }
    }
}

/// A model as the Hub serves it.
struct ServedModel: Sendable {
    static let commit = "0123456789abcdef0123456789abcdef01234567"
    static let weights = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) })

    var files: [String: Data] = [
        "config.json": Data("{}".utf8), "tokenizer.json": Data("{\"a\": 1}".utf8), "modules.json": Data("[]".utf8),
        "1_Pooling/config.json": Data("{\"p\": 1}".utf8), "model.safetensors": weights,
        "pytorch_model.bin": Data("pickle".utf8), "onnx/model.onnx": Data("onnx".utf8), "empty.txt": Data(),
        "special_tokens_map.json": Data(),
    ]

    /// The revisions that all stand for the one commit, as they stand in an address.
    var revisions: Set<String> = ["main", "v1", "refs%2Fpr%2F1", commit]

    /// The name of a file's blob: SHA-256 of what the Hub keeps as a large file, Git's hash of the rest.
    func blob(_ name: String) -> String {
        let content = files[name] ?? Data()
        return name.hasSuffix(".safetensors")
            ? SHA256.hexDigest(of: content) : content.withUnsafeBytes { GitBlobHash.hexDigest(of: $0) }
    }

    /// The Hub's answer about the model's files.
    var listing: Data {
        let siblings = files.map { name, content in
            let size = "\"rfilename\": \"\(name)\", \"size\": \(content.count)"
            // Of a large file, the blob is Git's pointer to it: another hash, which names nothing in the cache.
            return name.hasSuffix(".safetensors")
                ? "{\(size), \"blobId\": \"\(Self.commit)\", \"lfs\": {\"sha256\": \"\(blob(name))\"}}"
                : "{\(size), \"blobId\": \"\(blob(name))\"}"
        }
        return Data("{\"sha\": \"\(Self.commit)\", \"siblings\": [\(siblings.joined(separator: ","))]}".utf8)
    }

    /// The Hub's answer to any request for the model `tiny/encoder`, ranges included.
    func answer(_ request: LoopbackServer.Request) -> LoopbackServer.Response {
        let listings = "/api/models/tiny/encoder/revision/"
        if request.path.hasPrefix(listings), request.path.hasSuffix("?blobs=true") {
            let revision = String(request.path.dropFirst(listings.count).dropLast("?blobs=true".count))
            guard revisions.contains(revision) else {
                return .init(status: 404, headers: ["X-Error-Code": "RevisionNotFound"])
            }
            return .init(body: listing)
        }
        let prefix = "/tiny/encoder/resolve/\(Self.commit)/"
        guard request.path.hasPrefix(prefix), let content = files[String(request.path.dropFirst(prefix.count))] else {
            return .init(status: 404)
        }
        guard let range = request.headers["range"], let begin = Int(range.dropFirst(6).dropLast()) else {
            return .init(body: content)
        }
        guard begin < content.count else { return .init(status: 416) }
        return .init(
            status: 206, headers: ["Content-Range": "bytes \(begin)-\(content.count - 1)/\(content.count)"],
            body: content[begin...])
    }
}

/// The names of the model's files that are fetched.
let fetchedFiles = [
    "1_Pooling/config.json", "config.json", "model.safetensors", "modules.json", "special_tokens_map.json",
    "tokenizer.json",
]

/// Where the cache keeps the model, and its files at the commit.
let repositoryPath = "hub/models--tiny--encoder"
let snapshotPath = "\(repositoryPath)/snapshots/\(ServedModel.commit)"

extension LoopbackServer.Request {
    var isForWeights: Bool { path.hasSuffix("/model.safetensors") }
}

extension ModelPull {
    /// A pull from `endpoint` into `folder` that tries `attempts` times, without waiting between.
    init(
        _ endpoint: String, into folder: TemporaryFolder, token: String? = nil, attempts: Int = 3,
        timeout: Double = 10, offline: String? = nil
    ) throws {
        // Nothing of the machine's own environment, nor of its user's home.
        var environment = ["HF_ENDPOINT": endpoint, "HOME": folder["home"].path]
        environment["HF_TOKEN"] = token
        environment["HF_HUB_OFFLINE"] = offline
        let delays = [Double](repeating: 0, count: attempts - 1)
        let hub = try HuggingFaceHub(environment: environment, delays: delays, timeout: timeout)
        let cache = ModelCache(folder: folder["graft"], huggingFaceFolder: folder["hub"])
        self.init(from: hub, into: cache, python: PythonCommand(executable: folder["python"]))
    }
}

/// The error of a pull from a server that answers so, and the server.
func refusedPull(
    of model: String = "tiny/encoder", token: String? = nil, in folder: TemporaryFolder,
    answering answer: @escaping @Sendable (LoopbackServer.Request) -> LoopbackServer.Response
) throws -> (ModelHubError?, LoopbackServer) {
    let server = try LoopbackServer(answer)
    let pull = try ModelPull(server.address, into: folder, token: token)
    let error = #expect(throws: ModelHubError.self) { try pull.run(model) }
    return (error, server)
}
