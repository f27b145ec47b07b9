import Files
import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A server that speaks the Hugging Face Hub's interface.
///
///     GET <endpoint>/api/models/<model>/revision/<revision>?blobs=true    the commit, and files with sizes and hashes
///     GET <endpoint>/<model>/resolve/<commit>/<path>                      a file, mostly through a redirect
///
/// Interface: https://huggingface.co/docs/hub/api. Calls block until they are done.
public struct HuggingFaceHub: Sendable {
    /// The revision that is meant if none is named.
    public static let mainRevision = "main"

    /// The server's address: `HF_ENDPOINT`, or https://huggingface.co.
    public let endpoint: String
    /// `HF_TOKEN`, sent to the endpoint and to nobody else.
    private let token: String?
    /// How long to wait before each further attempt after a passing failure, in seconds.
    private let delays: [Double]
    /// How long to wait for a connection, or for the next byte, in seconds.
    private let timeout: Double

    /// The server that these environment variables name.
    public init(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ModelHubError) {
        try self.init(environment: environment, delays: [0.5, 1, 2, 4], timeout: 20)
    }

    package init(environment: [String: String], delays: [Double], timeout: Double) throws(ModelHubError) {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let text = variable("HF_ENDPOINT") ?? "https://huggingface.co"
        endpoint = text.hasSuffix("/") ? String(text.dropLast()) : text
        guard let url = URL(string: endpoint), let scheme = url.scheme, ["http", "https"].contains(scheme),
            url.host?.isEmpty == false
        else { throw .malformedEndpoint(text) }
        token = variable("HF_TOKEN")
        self.delays = delays
        self.timeout = timeout
    }

    /// A repository's files at one commit.
    struct Listing: Decodable {
        let sha: String
        let siblings: [File]

        struct File: Decodable {
            let rfilename: String
            let size: Int?
            let lfs: LargeFile?
        }

        struct LargeFile: Decodable {
            let sha256: String
        }
    }

    /// Asks for the files of `model`.
    func listing(of model: ModelName, revision: String) throws(ModelHubError) -> Listing {
        let path = "/api/models/\(model)/revision/\(Self.escaped(revision, keeping: ""))?blobs=true"
        var attempt = 0
        while true {
            let transfer = try transfer(path)
            transfer.run {}
            let outcome = transfer.outcome
            if let failure = outcome.failure {
                // A host that is not there will not be there a second later either; a cut connection may be back.
                guard failure.isPassing, attempt < delays.count else {
                    throw .unreachable(endpoint: endpoint, reason: failure.reason)
                }
            } else if outcome.status == 200 {
                do { return try JSONDecoder().decode(Listing.self, from: outcome.body) } catch {
                    throw .unexpectedAnswer(address: endpoint + path, expected: "the model's files as JSON")
                }
            } else {
                let error = error(status: outcome.status, address: endpoint + path, model: model, revision: revision)
                guard Self.isPassing(outcome.status), attempt < delays.count else { throw error }
            }
            Thread.sleep(forTimeInterval: delays[attempt])
            attempt += 1
        }
    }

    /// Fetches `file` to `url`, going on where an earlier attempt, also one of another process, left
    /// `<url>.incomplete`; verifies its size, and its hash if the Hub or the caller knows it.
    func fetch(
        _ file: Listing.File, of model: ModelName, commit: String, to url: URL, pinned hash: String?,
        report: (PullEvent) -> Void
    ) throws(ModelHubError) {
        let (name, total) = (file.rfilename, file.size ?? 0)
        let partial = url.appendingPathExtension("incomplete")
        let path = "/\(model)/resolve/\(commit)/\(Self.escaped(name, keeping: "/"))"
        var attempt = 0
        while GrowingFile.length(of: partial) != total || !FileManager.default.fileExists(atPath: partial.path) {
            if GrowingFile.length(of: partial) >= total { try Self.remove(partial) }
            let transfer = try transfer(path, resuming: partial, expecting: total)
            transfer.run { report(.progress(file: name, received: GrowingFile.length(of: partial), total: total)) }
            let outcome = transfer.outcome
            if let refused = outcome.refused { throw .files(refused) }
            let length = GrowingFile.length(of: partial)
            if length > total {
                try Self.remove(partial)
                throw .tooLong(file: name, found: length, expected: total)
            }
            let isBody = outcome.status == 200 || outcome.status == 206
            if isBody && length == total { break }
            let reason: String
            if let failure = outcome.failure {
                reason = failure.reason
                guard attempt < delays.count else {
                    guard isBody else { throw .unreachable(endpoint: endpoint, reason: reason) }
                    throw .truncated(file: name, found: length, expected: total)
                }
            } else if isBody {
                reason = "the answer ended at \(length) of \(total) bytes"
                guard attempt < delays.count else { throw .truncated(file: name, found: length, expected: total) }
            } else {
                let error =
                    outcome.status == 404
                    ? ModelHubError.missingFile(model: "\(model)", expected: name, advice: "yet the Hub lists it")
                    : error(status: outcome.status, address: endpoint + path, model: model, revision: commit)
                // 416: what is there already is not the beginning of this file. Start over.
                if outcome.status == 416 { try Self.remove(partial) }
                guard Self.isPassing(outcome.status) || outcome.status == 416, attempt < delays.count else {
                    throw error
                }
                reason = "status \(outcome.status)"
            }
            report(.retrying(file: name, reason: reason, seconds: delays[attempt]))
            Thread.sleep(forTimeInterval: delays[attempt])
            attempt += 1
        }
        for expected in [file.lfs?.sha256, hash].compactMap(\.self) {
            let found = try ModelHubError.wrapping { () throws(FilesError) in
                try SHA256.hexDigest(ofFileAt: partial)
            }
            guard found == expected else {
                try Self.remove(partial)
                throw .wrongHash(file: name, found: found, expected: expected)
            }
        }
        try ModelHubError.wrapping("rename", partial) {
            try FileManager.default.moveItem(at: partial, to: url)
        }
        report(.fetched(file: name, bytes: total))
    }

    private func transfer(
        _ path: String, resuming partial: URL? = nil, expecting total: Int = 0
    ) throws(ModelHubError) -> HubTransfer {
        guard let url = URL(string: endpoint + path) else { throw .malformedEndpoint(endpoint) }
        var request = URLRequest(url: url)
        request.timeoutInterval = timeout
        request.setValue("graft", forHTTPHeaderField: "User-Agent")
        // A compressed body would make lengths and ranges mean something else.
        request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        return HubTransfer(request, resuming: partial, expecting: total)
    }

    private func error(status: Int, address: String, model: ModelName, revision: String) -> ModelHubError {
        switch status {
        case 404: .notFound(model: "\(model)", revision: revision, endpoint: endpoint)
        case 401, 403: .unauthorized(model: "\(model)", status: status, hadToken: token != nil)
        default: .serverError(address: address, status: status)
        }
    }

    /// Whether the same request may well succeed a little later.
    private static func isPassing(_ status: Int) -> Bool {
        status == 408 || status == 429 || (500...599).contains(status)
    }

    private static func escaped(_ text: String, keeping others: String) -> String {
        let unreserved = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" + others)
        return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    private static func remove(_ url: URL) throws(ModelHubError) {
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        try ModelHubError.wrapping("remove", url) { try FileManager.default.removeItem(at: url) }
    }
}
