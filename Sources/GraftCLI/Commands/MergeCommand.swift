import Foundation
import Graft

/// `graft merge`: a plain model folder with the adapter in its weights, and the certificate that it does the same.
enum MergeCommand {
    static let command = Command(MergeOptions.command) { values in
        // A certificate is about the weights: by itself it is computed without rounding them.
        var session = try ModelSession(
            name: values[SharedOptions.model], threads: values[SharedOptions.Machine.threads],
            precision: values[SharedOptions.Machine.precision] ?? .float32)
        let adapters = values[MergeOptions.adapters]
        let tasks = try session.load(adapters.map { WeightedFolder(folder: $0.folder, weight: 1) }, values)
        let output = values[MergeOptions.output]
        let samples = try values[MergeOptions.samples].map {
            try Dataset(
                contentsOf: $0, fields: Dataset.Fields(values, readingLabels: false), labels: .ignored
            ).inputs
        }
        let merge = Merge(
            session.model, base: session.folder, type: values[MergeOptions.type],
            tolerance: values[MergeOptions.tolerance].map { Float($0) })
        var written = ["wrote \(output.relativePath)"]
        let certificate: Merge.Certificate
        if let layers = values[MergeOptions.layers], let rest = values[MergeOptions.rest] {
            certificate = try merge.write(
                tasks[0], layers: Set(layers), to: output, rest: rest, card: card(of: rest, on: output),
                samples: samples ?? Merge.sampleTexts)
            written.append("wrote \(rest.relativePath), the rest of the adapter, for \(output.relativePath)")
        } else {
            certificate = try merge.write(
                zip(tasks, adapters).map { Merge.Step($0, weight: Float($1.weight)) },
                headOf: values[MergeOptions.head],
                to: output, samples: samples ?? Merge.sampleTexts)
        }
        if values[SharedOptions.Output.json] {
            print(certificate.json(output: output.relativePath).line)
        } else {
            print((certificate.lines + written).joined(separator: "\n"))
        }
    }

    /// README.md of what is left of an adapter.
    private static func card(of rest: URL, on merged: URL) -> String {
        """
        ---
        library_name: peft
        tags:
        - graft
        ---

        # \(rest.lastPathComponent)

        What was left of an adapter when the changes of some layers were merged into `\(merged.lastPathComponent)`, the model that it is
        for. Made by:

        ```sh
        \(CommandLineText.thisCommand(without: "--json"))
        ```

        """
    }
}
