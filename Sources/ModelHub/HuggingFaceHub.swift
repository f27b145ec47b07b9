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
    /// The server's address: `HF_ENDPOINT`, or https://huggingface.co.
    public let endpoint: String
    /// Whether the network is not to be used: `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE`.
    public let isOffline: Bool
    /// The user's token, sent to the endpoint and to nobody else.
    private let token: AccessToken?
    /// How long to wait before each further attempt after a passing failure, in seconds.
    let delays: [Double]
    /// How long to wait for a connection, or for the next byte, in seconds.
    private let timeout: Double

    /// The server that these environment variables name, with the token that they name: see ``HuggingFaceEnvironment``.
    public init(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(ModelHubError) {
        try self.init(environment: environment, delays: [0.5, 1, 2, 4], timeout: 20)
    }

    package init(environment variables: [String: String], delays: [Double], timeout: Double) throws(ModelHubError) {
        let environment = HuggingFaceEnvironment(variables)
        let text = environment.endpoint
        endpoint = text.hasSuffix("/") ? String(text.dropLast()) : text
        guard let url = URL(string: endpoint), let scheme = url.scheme, ["http", "https"].contains(scheme),
            url.host?.isEmpty == false
        else { throw .malformedEndpoint(text) }
        isOffline = environment.isOffline
        token = try environment.token()
        self.delays = delays
        self.timeout = timeout
    }

    /// Asks for the files of a model at a revision.
    func listing(of reference: ModelReference) throws(ModelHubError) -> HubListing {
        let path = "/api/models/\(reference.name)/revision/\(Self.escaped(reference.revision, keeping: ""))?blobs=true"
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
                let address = endpoint + path
                let listing: HubListing
                do { listing = try JSONDecoder().decode(HubListing.self, from: outcome.body) } catch {
                    throw .unexpectedAnswer(address: address, expected: "the model's files as JSON")
                }
                guard ModelReference.isCommit(listing.sha) else {
                    throw .unexpectedAnswer(address: address, expected: "a commit of 40 hexadecimal digits")
                }
                return listing
            } else {
                let error = error(outcome, address: endpoint + path, reference)
                guard Self.isPassing(outcome.status), attempt < delays.count else { throw error }
            }
            Thread.sleep(forTimeInterval: delays[attempt])
            attempt += 1
        }
    }

    /// The address of a file below the endpoint.
    static func path(of file: String, _ model: ModelReference) -> String {
        "/\(model.name)/resolve/\(escaped(model.revision, keeping: ""))/\(escaped(file, keeping: "/"))"
    }

    func transfer(
        _ path: String, resuming partial: URL? = nil, expecting total: Int = 0
    ) throws(ModelHubError) -> HubTransfer {
        precondition(!isOffline, "nothing may be asked for while offline")
        guard let url = URL(string: endpoint + path) else { throw .malformedEndpoint(endpoint) }
        var request = URLRequest(url: url)
        request.timeoutInterval = timeout
        request.setValue("graft", forHTTPHeaderField: "User-Agent")
        // A compressed body would make lengths and ranges mean something else.
        request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        if let token { request.setValue(token.authorization, forHTTPHeaderField: "Authorization") }
        return HubTransfer(request, resuming: partial, expecting: total)
    }

    /// What a status, and the Hub's own words for it in the answer's headers, mean.
    func error(_ outcome: HubTransfer.Outcome, address: String, _ reference: ModelReference) -> ModelHubError {
        let model = "\(reference.name)"
        switch outcome.errorCode {
        case "GatedRepo": return .gated(model: model, page: "\(endpoint)/\(model)", token: token?.origin)
        case "RevisionNotFound": return .noSuchRevision(reference, endpoint: endpoint)
        default: break
        }
        if outcome.errorMessage == "Access to this resource is disabled." { return .disabled(model: model) }
        switch outcome.status {
        case 401, 403:
            let refusals = ["Invalid credentials in Authorization header", "Invalid user token."]
            if let token, refusals.contains(outcome.errorMessage ?? "") { return .tokenRefused(origin: token.origin) }
            return .unauthorized(model: model, status: outcome.status, token: token?.origin)
        case 404: return .notFound(model: model, endpoint: endpoint, token: token?.origin)
        default: return .serverError(address: address, status: outcome.status)
        }
    }

    /// Whether the same request may well succeed a little later.
    static func isPassing(_ status: Int) -> Bool {
        status == 408 || status == 429 || (500...599).contains(status)
    }

    private static func escaped(_ text: String, keeping others: String) -> String {
        let unreserved = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~" + others)
        return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }
}
