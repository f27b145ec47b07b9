import Foundation

/// A model that a pull found or fetched.
public struct PulledModel: Sendable, Equatable {
    /// Where a model came from.
    public enum Source: Sendable, Equatable {
        /// It was in the cache that Hugging Face's libraries share.
        case huggingFaceCache
        /// It was in Graft's own cache.
        case cache
        /// It was fetched from the Hub, or found to be what the Hub has.
        case hub(endpoint: String)
        /// It was fetched as part of this Python package.
        case pythonPackage(String)
    }

    /// The folder of the model's files.
    public let folder: URL
    /// The commit that they are of, nil if they are not from the Hub.
    public let commit: String?
    /// Where the model came from.
    public let source: Source
}
