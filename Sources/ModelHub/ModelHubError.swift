import Files
import Foundation

/// Why a model or a data set could not be found or fetched.
public enum ModelHubError: Error, Equatable, Sendable {
    /// The text is neither a folder nor a name that the Hub accepts.
    case malformedName(String)
    /// The text is no branch, tag or commit.
    case malformedRevision(String)
    /// The text is a path, and there is no folder there.
    case noSuchFolder(String)
    /// The model is in neither cache at this revision.
    case notInCache(ModelReference, searched: [String])
    /// It would have to be fetched, and the network is not to be used.
    case offline(wanted: String, searched: [String])
    /// `HF_ENDPOINT` is no address of a web server.
    case malformedEndpoint(String)
    /// The Hub knows no such model; `token` says where the token came from that was sent, if one was.
    case notFound(model: String, endpoint: String, token: String?)
    /// The Hub knows the model, but no such branch, tag or commit of it.
    case noSuchRevision(ModelReference, endpoint: String)
    /// The Hub wants a token, or another one (status 401 or 403).
    case unauthorized(model: String, status: Int, token: String?)
    /// The model's owner gives access to those who ask for it.
    case gated(model: String, page: String, token: String?)
    /// The Hub does not know the token.
    case tokenRefused(origin: String)
    /// The Hub has withdrawn the model.
    case disabled(model: String)
    /// No answer came: no network, no such host, no connection.
    case unreachable(endpoint: String, reason: String)
    /// The Hub answered with a status that means neither success nor any of the above.
    case serverError(address: String, status: Int)
    /// The Hub's answer is not what its interface promises.
    case unexpectedAnswer(address: String, expected: String)
    /// The repository lacks a file without which it is no encoder that Graft can run.
    case missingFile(model: String, expected: String, advice: String?)
    /// The repository's weights are in formats that are not read.
    case noSafetensors(model: String, found: [String], isSentenceTransformer: Bool)
    /// The Hub's weights are others than those that Graft's examples were made with.
    case otherWeights(model: String, found: String, expected: String)
    /// The body ended early, time and again; what came is kept, and the next pull goes on from there.
    case truncated(file: String, found: Int, expected: Int)
    /// More bytes came than the file has.
    case tooLong(file: String, found: Int, expected: Int)
    /// The file is not the one that was promised; it was removed.
    case wrongHash(file: String, found: String, expected: String)
    /// Python, which fetches packages, could not be started or failed.
    case pythonFailed(command: String, reason: String)
    /// A package lacks a file that it is known to hold, or the file is not as it is known to be.
    case unexpectedContent(package: String, detail: String)
    /// The system refused a file operation.
    case files(FilesError)
}

extension ModelHubError {
    /// Runs `body` and turns its error into ours.
    static func wrapping<Value>(_ body: () throws(FilesError) -> Value) throws(ModelHubError) -> Value {
        do { return try body() } catch { throw .files(error) }
    }

    /// Runs file manager operations on `path` and turns their error into ours.
    static func wrapping<Value>(
        _ operation: String, _ url: URL, _ body: () throws -> Value
    ) throws(ModelHubError) -> Value {
        do { return try FilesError.catching(operation, url.path, body) } catch { throw .files(error) }
    }
}
