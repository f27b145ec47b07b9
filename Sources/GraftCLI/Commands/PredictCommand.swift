import Foundation
import Graft

/// `graft predict`: each text answered by each adapter, with one encoder in memory.
enum PredictCommand {
    static let command = Command(PredictOptions.command) { values in
        let texts = try TextSource.read(values)
        var session = try ModelSession(values)
        let tasks = try load(values, into: &session)
        try session.model.predict(texts, tasks: tasks, each: \.json.line) { print($0.joined(separator: "\n")) }
    }

    /// Loads the adapters under their folders' names, or under their paths where two have the same; without adapters the
    /// model folder's own head.
    private static func load(_ values: OptionValues, into session: inout ModelSession) throws -> [String] {
        let adapters = values[PredictOptions.adapters]
        guard !adapters.isEmpty else {
            return [try session.loadOwnHead(values)]
        }
        let names = adapters.map { $0.standardizedFileURL.lastPathComponent }
        return try adapters.enumerated().map { index, adapter in
            let isShared = names.count { $0 == names[index] } > 1
            return try session.load(adapter, named: isShared ? adapter.relativePath : names[index], values)
        }
    }
}
