import Foundation

/// A new folder for one test, removed with it.
public final class TemporaryFolder {
    /// The folder.
    public let url: URL

    /// Makes a folder with a name of its own.
    public init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "graft-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// A path in it.
    public func appending(_ path: String) -> URL { url.appending(path: path) }
}
