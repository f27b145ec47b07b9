import Benchmarking
import Foundation
import Graft

/// `graft benchmark`: what this machine does with this encoder.
enum BenchmarkCommand {
    static let command = Command(BenchmarkOptions.command) { values in
        let (texts, source) = try BenchmarkCommand.texts(values)
        let session = try ModelSession(values)
        let subject = BenchmarkCommand.subject(values, session, texts)
        let progress = ProgressLine(isQuiet: values[SharedOptions.Output.quiet])
        var report = BenchmarkReport(
            model: session.name, subject: subject, source: source,
            ceilings: MachineCeilings(Repetition(seconds: 0.3 * subject.repetition.seconds)))
        report.note("start")
        var task: TaskAdapter?
        for section in BenchmarkOptions.Section.allCases where values[BenchmarkOptions.only].contains(section) {
            progress.update("measuring \(section.rawValue)")
            switch section {
            case .ceilings: report.showsCeilings = true
            case .products: report.products = ProductFigures(subject)
            case .inference: report.inference = try InferenceFigures(subject)
            case .training:
                let (figures, trained) = try TrainingFigures.measure(subject)
                (report.training, task) = (figures, trained)
            case .adapters: report.adapters = try AdapterFigures(subject, task ?? AdapterFigures.freshTask(subject))
            case .load: report.load = try LoadFigures(subject)
            }
            report.note(section.rawValue)
        }
        progress.clear()
        print(values[SharedOptions.Output.json] ? report.json.line : report.lines.joined(separator: "\n"))
    }

    /// The texts that the line names, or the demo's, or our own; and what the report calls them.
    private static func texts(_ values: OptionValues) throws -> (texts: BenchmarkTexts, source: String) {
        let limit = values[BenchmarkOptions.limit]
        if let file = values[BenchmarkOptions.data] {
            let fields = Dataset.Fields(values, readingLabels: false)
            let data = try Dataset(contentsOf: file, fields: fields, labels: .ignored)
            guard let texts = BenchmarkTexts(sample(data, limit)) else { throw BenchmarkError.noWords(data.source) }
            return (texts, data.source)
        }
        if let demo = DemoData(alreadyIn: ModelCache()) {
            let data = try Dataset(contentsOf: demo.newsTraining, labels: .ignored)
            guard let texts = BenchmarkTexts(sample(data, limit)) else { throw BenchmarkError.noWords(data.source) }
            return (texts, "\(data.source), the demo's")
        }
        let sentences = (0..<limit).map { Merge.sampleTexts[$0 % Merge.sampleTexts.count] }
        guard let texts = BenchmarkTexts(sentences) else { preconditionFailure("our sentences have words") }
        return (texts, "a dozen sentences of Graft's own, repeated; the demo's texts are not in the cache")
    }

    /// Examples drawn at random, the same ones every time.
    private static func sample(_ data: Dataset, _ limit: Int) -> [TextInput] {
        limit < data.count ? data.shuffled(seed: 0).prefix(limit).inputs : data.inputs
    }

    private static func subject(
        _ values: OptionValues, _ session: ModelSession, _ texts: BenchmarkTexts
    ) -> BenchmarkSubject {
        var subject = BenchmarkSubject(
            model: session.model, folder: session.folder, precision: session.model.encoder.precision, texts: texts)
        subject.batchSize = values[TrainOptions.batchSize]
        subject.maximumTokens = values[TrainOptions.maximumTokens]
        subject.lora = LoRAMethod(rank: values[TrainOptions.rank], alpha: 2 * Float(values[TrainOptions.rank]))
        (subject.targets, subject.layers) = (values[TrainOptions.targets] ?? .usual, values[TrainOptions.layers])
        subject.dropsInsideEncoder = !values[TrainOptions.noDropout]
        subject.repetition = Repetition(seconds: values[BenchmarkOptions.seconds])
        return subject
    }
}

/// Why there is nothing to measure on.
private enum BenchmarkError: Error, CustomStringConvertible {
    case noWords(String)

    var description: String {
        switch self {
        case .noWords(let source): "the texts of \(source) have no words to measure on; name another file with --data"
        }
    }
}
