import Foundation
import Graft

/// `graft convert`: an adapter in the files of another library, and the proof that it is the same one.
enum ConvertCommand {
    static let command = Command(ConvertOptions.command) { values in
        // A proof is about the adapter: by itself it is computed without rounding the weights.
        var session = try ModelSession(
            name: values[SharedOptions.model], threads: values[SharedOptions.Machine.threads],
            precision: values[SharedOptions.Machine.precision] ?? .float32)
        let task = try session.load(URL(filePath: values.arguments[0]), values)
        let output = values[ConvertOptions.output]
        let certificate = try Conversion(session.model).write(
            task, for: values[ConvertOptions.library], to: output, samples: Merge.sampleTexts)
        if values[SharedOptions.Output.json] {
            print(certificate.json(output: output.relativePath).line)
        } else {
            print((certificate.lines + ["wrote \(output.relativePath)"]).joined(separator: "\n"))
        }
    }
}

extension Conversion.Certificate {
    /// What `graft convert --json` prints.
    fileprivate func json(output: String) -> JSONText {
        .object([
            ("output", .string(output)), ("texts", .integer(texts)), ("embedding_difference", .float(difference)),
            ("tolerance", .float(tolerance)),
        ])
    }

    /// For people.
    fileprivate var lines: [String] {
        [
            "parity: old and new adapter compared on \(texts) sample texts",
            "  largest difference of an embedding's numbers  \(difference)",
            "  tolerance                                     \(tolerance)",
        ]
    }
}
