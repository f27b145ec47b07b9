import Foundation
import Graft

/// `graft extract`: a LoRA out of two whole checkpoints, and how near it is to the tuned one.
enum ExtractCommand {
    static let command = Command(ExtractOptions.command) { values in
        let output = values[ExtractOptions.output]
        try TaskAdapter.checkOutput(output)
        let precision = values[SharedOptions.Machine.precision] ?? .float32
        let session = try ModelSession(
            name: values[ExtractOptions.base], threads: values[SharedOptions.Machine.threads], precision: precision)
        let tunedFolder = try ModelCache().locate(values[ExtractOptions.tuned]).folder
        let tuned = try AdaptedModel(contentsOf: tunedFolder, precision: precision)
        let samples = try values[CombineOptions.samples].map {
            try Dataset(contentsOf: $0, fields: Dataset.Fields(values, readingLabels: false), labels: .ignored).inputs
        }
        let size: Extraction.Size =
            values[ExtractOptions.rank].map { Extraction.Size.rank($0) } ?? .energy(values[ExtractOptions.energy] ?? 1)
        let extraction = TaskExtraction(
            over: session.model, named: session.baseName, Extraction(size, keeps: values[ExtractOptions.keep]))
        let outcome = try extraction.extract(from: tuned, samples: samples ?? Merge.sampleTexts)
        let report = ExtractionReport(
            outcome: outcome, tuned: values[ExtractOptions.tuned], output: output.relativePath)
        try outcome.task.write(
            to: output, card: report.card(name: output.lastPathComponent, baseModel: session.baseName))
        print(values[SharedOptions.Output.json] ? report.json.line : report.lines.joined(separator: "\n"))
    }
}
