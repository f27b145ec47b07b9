import Foundation
import Graft

/// `graft combine`: one adapter out of several, and how near it is to what is meant.
enum CombineCommand {
    static let command = Command(CombineOptions.command) { values in
        let parts = values[CombineOptions.adapters]
        let output = values[CombineOptions.output]
        try TaskAdapter.checkOutput(output)
        // What is measured are weights: by itself the comparison rounds none.
        var session = try ModelSession(
            name: try values[CombineOptions.model] ?? baseModel(of: parts.map(\.folder)),
            threads: values[SharedOptions.Machine.threads],
            precision: values[SharedOptions.Machine.precision] ?? .float32)
        var names: [String] = []
        for part in parts { names.append(try session.load(part.folder, named: part.folder.relativePath, values)) }
        let samples = try values[CombineOptions.samples].map {
            try Dataset(contentsOf: $0, fields: Dataset.Fields(values, readingLabels: false), labels: .ignored).inputs
        }
        let combining = Combining(
            values[CombineOptions.method], rank: values[CombineOptions.rank], energy: values[CombineOptions.energy],
            density: values[CombineOptions.density], seed: values[CombineOptions.seed])
        let combination = TaskCombination(
            session.model, combining, head: head(values[CombineOptions.head], names))
        let weighted = zip(names, parts).map { (task: $0, weight: $1.weight) }
        let outcome = try combination.combine(weighted, samples: samples ?? Merge.sampleTexts)
        let report = CombinationReport(
            method: combining.method, parts: weighted, outcome: outcome, output: output.relativePath)
        try outcome.task.write(
            to: output, card: report.card(name: output.lastPathComponent, baseModel: session.baseName))
        print(values[SharedOptions.Output.json] ? report.json.line : report.lines.joined(separator: "\n"))
    }

    /// What the first adapter that says it calls its base.
    private static func baseModel(of adapters: [URL]) throws -> String {
        for folder in adapters where AdapterBundle.exists(in: folder) {
            if let name = try PEFTConfiguration(contentsOf: folder).baseModel { return name }
        }
        throw CommandLineError.conflict("no adapter says which model it was trained on; name it with --model")
    }

    /// What `--head` means among adapters of these names: one in full, or by its last part where that is no other's.
    private static func head(_ text: String?, _ names: [String]) -> CombinedHead {
        switch text {
        case nil: return .only
        case "average": return .average
        case "none": return .none
        case let text?:
            let called = names.filter { $0 == text || URL(filePath: $0).lastPathComponent == text }
            return .from(called.count == 1 ? called[0] : text)
        }
    }
}
