import Foundation
import Graft

/// Where a run's results go: a folder for each task in the output folder, or one folder, the only task's.
struct TrainingOutput {
    /// As the user named it.
    let folder: URL
    /// Whether it is the only task's own folder.
    let isOneFolder: Bool

    /// The folder of a task's result.
    func folder(of task: String) -> URL { isOneFolder ? folder : folder.appending(path: task) }

    /// The folder of a task as a stage left it, where several stages are kept: `stages/2-adapters/topics`.
    func folder(of task: String, stage number: Int, _ name: String) -> URL {
        let plain = name.unicodeScalars.map { scalar in
            scalar.properties.isAlphabetic || "0123456789.-_".unicodeScalars.contains(scalar) ? Character(scalar) : "-"
        }
        return folder.appending(path: "stages").appending(path: "\(number)-\(String(plain))").appending(path: task)
    }

    /// Beside the output folder, which stands whole once training ends.
    func beside(_ ending: String) -> URL {
        folder.deletingLastPathComponent().appending(path: folder.standardizedFileURL.lastPathComponent + ending)
    }

    /// Throws what writing would, for folders that are there and not ours: before the work is done.
    func check(tasks: [String], stages: [String]) throws {
        for task in tasks {
            try TaskAdapter.checkOutput(folder(of: task))
            for (index, stage) in stages.enumerated() where keeps(stages) {
                try TaskAdapter.checkOutput(folder(of: task, stage: index + 1, stage))
            }
        }
    }

    /// Whether what each stage came to is kept: where there are several.
    func keeps(_ stages: [String]) -> Bool { stages.count > 1 && !isOneFolder }
}
