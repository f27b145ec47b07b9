import Foundation
import Graft

/// `graft predict`: each text answered by each adapter, with one encoder in memory.
enum PredictCommand {
    static let command = Command(PredictOptions.command) { values in
        let taskField = values[PredictOptions.taskField]
        let requests = try taskField.map { try TextSource.readRequests(values, taskField: $0) }
        let texts = try requests == nil ? TextSource.read(values) : []
        var session = try ModelSession(values)
        let tasks = try load(values, into: &session)
        guard let requests else {
            try session.model.predict(texts, tasks: tasks, each: \.json.line) { print($0.joined(separator: "\n")) }
            return
        }
        try session.model.predict(requests, each: \.json.line) { print($0.joined(separator: "\n")) }
    }

    /// Loads the adapters under their folders' names, or under their paths where two have the same; without adapters the
    /// model folder's own head.
    private static func load(_ values: OptionValues, into session: inout ModelSession) throws -> [String] {
        let adapters = values[PredictOptions.adapters]
        guard !adapters.isEmpty else {
            return [try session.loadOwnHead(values)]
        }
        return try session.load(adapters, values)
    }
}
