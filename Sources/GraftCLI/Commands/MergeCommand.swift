import Graft

/// `graft merge`: a plain model folder with the adapter in its weights, and the certificate that it does the same.
enum MergeCommand {
    static let command = Command(MergeOptions.command) { values in
        // A certificate is about the weights: by itself it is computed without rounding them.
        var session = try ModelSession(
            name: values[SharedOptions.model], threads: values[SharedOptions.Machine.threads],
            precision: values[SharedOptions.Machine.precision] ?? .float32)
        let task = try session.load(values[SharedOptions.adapter], values)
        let output = values[MergeOptions.output]
        let samples = try values[MergeOptions.samples].map {
            try Dataset(
                contentsOf: $0, fields: Dataset.Fields(values, readingLabels: false), labels: .ignored
            ).inputs
        }
        let merge = Merge(
            session.model, base: session.folder, type: values[MergeOptions.type],
            tolerance: values[MergeOptions.tolerance].map { Float($0) })
        let certificate = try merge.write(task, to: output, samples: samples ?? Merge.sampleTexts)
        if values[SharedOptions.Output.json] {
            print(certificate.json(output: output.relativePath).line)
        } else {
            print((certificate.lines + ["wrote \(output.relativePath)"]).joined(separator: "\n"))
        }
    }
}
