import Files
import Foundation

/// A folder for the files of one operation, removed with all that is in it when this object goes.
final class TemporaryFolder {
    let url: URL

    /// Makes the folder inside `parent`, so that its files can be moved within their disk.
    init(in parent: URL) throws(ModelHubError) {
        let url = parent.appendingPathComponent(".\(UUID().uuidString).partial", isDirectory: true)
        try ModelHubError.wrapping("create", url) {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }
        self.url = url
    }

    deinit {
        // What stays behind if this fails is hidden and harmless.
        do { try FileManager.default.removeItem(at: url) } catch {}
    }
}
