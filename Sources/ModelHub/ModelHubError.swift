import Files
import Foundation

/// Why a model or a data set could not be found or fetched.
public enum ModelHubError: Error, Equatable, Sendable {
    /// The text is neither a folder nor a name that the Hub accepts.
    case malformedName(String)
    /// The text is a path, and there is no folder there.
    case noSuchFolder(String)
    /// The model is in neither cache.
    case notInCache(model: String, revision: String, searched: [String])
    /// `HF_ENDPOINT` is no address of a web server.
    case malformedEndpoint(String)
    /// The Hub knows no such model, or no such revision of it (status 404).
    case notFound(model: String, revision: String, endpoint: String)
    /// The Hub wants a token, or another one (status 401 or 403).
    case unauthorized(model: String, status: Int, hadToken: Bool)
    /// No answer came: no network, no such host, no connection.
    case unreachable(endpoint: String, reason: String)
    /// The Hub answered with a status that means neither success nor any of the above.
    case serverError(address: String, status: Int)
    /// The Hub's answer is not what its interface promises.
    case unexpectedAnswer(address: String, expected: String)
    /// The repository lacks a file without which it is no encoder that Graft can run.
    case missingFile(model: String, expected: String, advice: String?)
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

extension ModelHubError: CustomStringConvertible {
    /// One line: what was found, what was expected, and what to do.
    public var description: String {
        switch self {
        case .malformedName(let text):
            "\"\(text)\" is neither a folder nor a model's name; names look like "
                + "sentence-transformers/all-MiniLM-L6-v2"
        case .noSuchFolder(let path): "there is no folder \(path)"
        case .notInCache(let model, let revision, let searched):
            "\(model) is neither a folder nor a model in a cache (searched \(searched.joined(separator: ", "))); fetch it with: graft pull \(model)"
                + (revision == HuggingFaceHub.mainRevision ? "" : " --revision \(revision)")
        case .malformedEndpoint(let text):
            "HF_ENDPOINT is \"\(text)\", expected an address such as https://huggingface.co"
        case .notFound(let model, let revision, let endpoint):
            "\(endpoint) has no model \(model)"
                + (revision == HuggingFaceHub.mainRevision ? "" : " with a revision \(revision)")
                + "; check the spelling"
        case .unauthorized(let model, let status, let hadToken):
            "the Hub refused \(model) (status \(status)): "
                + (hadToken
                    ? "the token in HF_TOKEN gives no access to it; check the spelling, or ask for access on its page"
                    : "it does not exist, or is private or gated; check the spelling, or set HF_TOKEN to a token "
                        + "with access to it")
        case .unreachable(let endpoint, let reason):
            "\(endpoint) could not be reached (\(reason)); check the network, or set HF_ENDPOINT to a mirror"
        case .serverError(let address, let status): "\(address) answered with status \(status); try again later"
        case .unexpectedAnswer(let address, let expected):
            "\(address) gave an unexpected answer, expected \(expected); is HF_ENDPOINT a Hugging Face Hub?"
        case .missingFile(let model, let expected, let advice):
            "\(model) has no \(expected)" + (advice.map { "; \($0)" } ?? "")
        case .truncated(let file, let found, let expected):
            "\(file) broke off at \(found) of \(expected) bytes; pull again to go on from there"
        case .tooLong(let file, let found, let expected):
            "\(file) has \(expected) bytes but at least \(found) came; it was removed, pull again"
        case .wrongHash(let file, let found, let expected):
            "\(file) has SHA-256 \(found), expected \(expected); it was removed, pull again"
        case .pythonFailed(let command, let reason): "`\(command)` failed: \(reason)"
        case .unexpectedContent(let package, let detail): "package \(package) is not as expected: \(detail)"
        case .files(let error): "\(error)"
        }
    }

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
