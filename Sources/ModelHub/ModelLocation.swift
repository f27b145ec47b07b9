import Foundation

/// Where a model was found.
public struct ModelLocation: Sendable, Equatable {
    /// The folder of the model's files.
    public let folder: URL
    /// The model on the Hub, nil if a folder was named.
    public let reference: ModelReference?
    /// The commit that the files are of, nil if a folder was named, or if they are not from the Hub.
    public let commit: String?
}
