import Files
import Foundation

/// What an adapter folder says about the finished run that made it: all that its values are a function of.
///
/// It is how a run that is resumed once more is told that it was done.
public struct TrainingRecord: Sendable, Equatable {
    /// The name of the file in the folder.
    public static let fileName = "training_run.json"

    /// Each setting by its name, each data set and the base by what identifies them.
    public let facets: [String: String]

    init(_ identity: TrainingIdentity) { facets = identity.facets }

    /// The record in a folder; nil where there is none, or none that is whole.
    public init?(contentsOf folder: URL) {
        let url = folder.appending(path: TrainingRecord.fileName)
        guard let data = try? Data(contentsOf: url),
            let content = try? JSONDecoder().decode(Content.self, from: data), content.format == TrainingRecord.format
        else { return nil }
        facets = content.run
    }

    /// Writes the file into a folder, which exists.
    package func write(into folder: URL) throws(FilesError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let content = Content(format: TrainingRecord.format, run: facets)
        guard let data = try? encoder.encode(content) else { preconditionFailure("texts can be written as JSON") }
        try AtomicFile.write(data + Data("\n".utf8), to: folder.appending(path: TrainingRecord.fileName))
    }

    private static let format = "graft training run 1"

    private struct Content: Codable {
        let format: String
        let run: [String: String]
    }
}
