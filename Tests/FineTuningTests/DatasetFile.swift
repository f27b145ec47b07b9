import FineTuning
import Foundation
import TestSupport

/// A data file in a folder of its own, for one test.
struct DatasetFile {
    private let folder: TemporaryFolder
    let url: URL

    init(_ name: String, _ content: String) throws { try self.init(name, bytes: Data(content.utf8)) }

    init(_ name: String, bytes: Data) throws {
        folder = try TemporaryFolder()
        // Relative to its folder, so that errors name the file alone.
        url = URL(filePath: name, relativeTo: URL(filePath: folder.url.path, directoryHint: .isDirectory))
        try bytes.write(to: folder.appending(name))
    }

    func read(
        _ fields: Dataset.Fields = .init(), labels: Dataset.LabelReading = .required
    ) throws(DataError) -> Dataset {
        // The folder goes with the last use of it.
        defer { withExtendedLifetime(folder) {} }
        return try Dataset(contentsOf: url, fields: fields, labels: labels)
    }

    /// What reading says is wrong, in words; nil if nothing is.
    func refusal(_ fields: Dataset.Fields = .init(), labels: Dataset.LabelReading = .required) -> String? {
        do {
            _ = try read(fields, labels: labels)
            return nil
        } catch { return error.description }
    }
}
