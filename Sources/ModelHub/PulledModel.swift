import Foundation

/// A model that a pull found or fetched.
public struct PulledModel: Sendable, Equatable {
    /// Where a model came from.
    public enum Source: Sendable, Equatable {
        /// It was in Graft's cache already.
        case cache
        /// It was in Hugging Face's cache already.
        case huggingFaceCache
        /// It was fetched from the Hub at this commit.
        case hub(endpoint: String, commit: String)
        /// It was fetched as part of this Python package.
        case pythonPackage(String)
    }

    /// The folder of the model's files.
    public let folder: URL
    /// Where the model came from.
    public let source: Source
}
