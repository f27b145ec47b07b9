import Foundation
import Graft

/// `graft convert`: an adapter in the files of another program, and the proof that it is the same one.
enum ConvertCommand {
    static let command = Command(ConvertOptions.command) { values in
        let (adapter, output) = (values[ConvertOptions.adapter], values[ConvertOptions.output])
        let format = values[ConvertOptions.format]
        guard
            output.resolvingSymlinksInPath().standardizedFileURL.path
                != adapter.resolvingSymlinksInPath().standardizedFileURL.path
        else {
            throw CommandLineError.conflict(
                "--output is the adapter itself, which converting leaves as it is; name another place")
        }
        try TaskConversion.checkOutput(output, for: format)
        // A proof is about the adapter: by itself it is computed without rounding the weights.
        let session = try ModelSession(
            name: values[SharedOptions.model], threads: values[SharedOptions.Machine.threads],
            precision: values[SharedOptions.Machine.precision] ?? .float32)
        let samples = try values[ConvertOptions.samples].map {
            try Dataset(contentsOf: $0, fields: Dataset.Fields(values, readingLabels: false), labels: .ignored).inputs
        }
        var conversion = TaskConversion(session.model, baseModel: session.baseName)
        conversion.type = values[ConvertOptions.type] ?? .float32
        conversion.tolerance = values[ConvertOptions.tolerance].map { Float($0) }
        let task = try conversion.read(adapter, allowingOtherBase: values[SharedOptions.allowOtherBase])
        let certificate = try conversion.write(task, as: format, to: output, samples: samples ?? Merge.sampleTexts)
        let source = try AdapterConversion.format(of: adapter)
        if values[SharedOptions.Output.json] {
            print(certificate.json(from: source, to: format, output: output.relativePath).line)
        } else {
            print(
                (certificate.lines(from: source, to: format) + ["wrote \(output.relativePath)"])
                    .joined(separator: "\n"))
        }
    }
}

extension TaskConversion.Certificate {
    /// What `graft convert --json` prints.
    fileprivate func json(from source: AdapterFormat, to format: AdapterFormat, output: String) -> JSONText {
        .object([
            ("output", .string(output)), ("from", .string(source.rawValue)), ("to", .string(format.rawValue)),
            ("maps", .integer(parity.maps)), ("exact", .flag(parity.isExact)),
            ("weight_difference", .float(parity.largestDifference)), ("texts", .integer(answers.texts)),
            ("embedding_difference", .float(answers.embeddings)),
            ("probability_difference", answers.probabilities.map { .float($0) } ?? .null),
            ("tolerance", .float(tolerance)), ("left_behind", .array(leftBehind.map { .string($0) })),
        ])
    }

    /// For people.
    fileprivate func lines(from source: AdapterFormat, to format: AdapterFormat) -> [String] {
        let numbers =
            parity.isExact
            ? "every number has the same bits"
            : "they differ by at most \(parity.largestDifference) of the largest"
        return [
            "from \(source.title) to \(format.title): \(parity.maps) linear maps; of the adapter's numbers \(numbers)",
            "parity: old and new adapter compared on \(answers.texts) sample texts",
            "  largest difference of an embedding's numbers  \(answers.embeddings)",
            "  largest difference of a probability           \(answers.probabilities.map { "\($0)" } ?? "no head")",
            "  tolerance                                     \(tolerance)",
        ] + leftBehind.map { "left behind: \($0)" }
    }
}
