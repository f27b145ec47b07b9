import Encoders
import Files
import Foundation
import Safetensors

/// The checkpoint of one training run: its state in one safetensors file. What is in it: `docs/formats.md`.
struct TrainingCheckpoint: Sendable {
    /// Where it is, and how often it is written.
    let plan: TrainingCheckpoints
    /// The run whose checkpoint it is.
    let identity: TrainingIdentity

    /// What the metadata's `format` says; another layout of the file gets another number.
    private static let format = "graft training checkpoint 2"

    /// The state but for its tensors: the metadata's `state`, as JSON.
    private struct Summary: Codable {
        let run: [String: String]
        let steps: Int
        let losses: [Double]
        let epochs: [Epoch]
        let bestEpoch: Int?

        struct Epoch: Codable {
            let loss: Double
            let isBest: Bool
            /// The scores, of the kind that the head has; none without evaluation data.
            let scores: Scores?

            init(_ epoch: TrainingProgress.Epoch) {
                (loss, isBest, scores) = (epoch.loss, epoch.isBest, epoch.scores)
            }
        }
    }

    private var path: String { plan.file.relativePath }

    // MARK: Writing

    /// Whether one is written after so many steps.
    func isDue(after steps: Int) -> Bool { plan.interval.map { steps % $0 == 0 } ?? false }

    /// Writes the state in place of the one before. Whatever happens, one of both is in the file, whole.
    func write(_ state: TrainingState) throws(TrainingCheckpointError) {
        let summary = Summary(
            run: identity.facets, steps: state.steps, losses: state.losses,
            epochs: state.epochs.map { .init($0) },
            bestEpoch: state.best?.epoch)
        let json = TrainingCheckpoint.encoded(summary)
        var tensors = [
            "values": state.values.values, "first_moment": state.optimizer.firstMoment.values,
            "second_moment": state.optimizer.secondMoment.values,
        ]
        tensors["best_values"] = state.best?.values.values
        var writer = SafetensorsWriter(metadata: [
            "format": TrainingCheckpoint.format, "state": json,
            "checksum": TrainingCheckpoint.checksum(json, tensors),
        ])
        for (name, values) in tensors { writer.add(name, shape: [values.count], floats: values) }
        let folder = plan.file.deletingLastPathComponent()
        do {
            try FilesError.catching("create", folder.relativePath) {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            }
        } catch { throw .files(error) }
        do { try writer.write(to: plan.file) } catch { throw .tensors(error) }
    }

    private static func encoded(_ summary: Summary) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Doubles are written with the fewest digits that read back as the same number.
        do { return String(decoding: try encoder.encode(summary), as: UTF8.self) } catch {
            preconditionFailure("a loss that is no number ends training before it is in a state")
        }
    }

    /// XXH64 of the JSON, then of each tensor's bytes in the order of names: 16 hexadecimal digits each.
    private static func checksum(_ json: String, _ tensors: [String: [Float]]) -> String {
        var hashes = [Array(json.utf8).withUnsafeBytes { XXHash64.hash($0) }]
        for (_, values) in tensors.sorted(by: { $0.key < $1.key }) {
            hashes.append(values.withUnsafeBytes { XXHash64.hash($0) })
        }
        return hashes.map { hash in
            let digits = String(hash, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined(separator: " ")
    }

    // MARK: Reading

    /// The state that the checkpoint holds.
    ///
    /// - Parameters:
    ///   - start: the state of the same run before its first step.
    ///   - epochs, stepsPerEpoch: the run's epochs, and the steps of each.
    ///   - labels: names of the head's labels.
    /// - Throws: if there is no checkpoint, it is damaged, or it is of another run.
    func read(
        _ start: TrainingState, epochs: Int, stepsPerEpoch: Int, labels: [String]
    ) throws(TrainingCheckpointError) -> TrainingState {
        guard plan.exists else { throw .missing(file: path) }
        let (summary, tensors) = try content()
        let differences = identity.differences(from: TrainingIdentity(facets: summary.run))
        guard differences.isEmpty else { throw .otherRun(file: path, differences) }

        let place = summary.epochs.count * stepsPerEpoch + summary.losses.count
        try check("\(summary.steps) steps", "\(place)", summary.steps == place && summary.losses.count <= stepsPerEpoch)
        let best = summary.bestEpoch
        let isPlausible = best.map { 1 <= $0 && $0 <= summary.epochs.count } ?? summary.epochs.isEmpty
        try check("best epoch \(best ?? 0)", "one of the \(summary.epochs.count) finished", isPlausible)

        var state = start
        let layout = start.values.layout
        state.values = try vector("values", tensors, layout)
        state.optimizer.restore(
            firstMoment: try vector("first_moment", tensors, layout),
            secondMoment: try vector("second_moment", tensors, layout), steps: summary.steps)
        state.losses = summary.losses
        for (number, epoch) in zip(1..., summary.epochs) {
            let found = epoch.scores?.labels ?? labels
            try check("scores of the labels \(found)", "\(labels)", found == labels)
            state.epochs.append(
                .init(epoch: number, epochs: epochs, loss: epoch.loss, scores: epoch.scores, isBest: epoch.isBest))
        }
        if let best { state.best = .init(epoch: best, values: try vector("best_values", tensors, layout)) }
        return state
    }

    /// What is in the file, once its checksum holds.
    private func content() throws(TrainingCheckpointError) -> (summary: Summary, tensors: [String: [Float]]) {
        var tensors: [String: [Float]] = [:]
        let metadata: [String: String]
        do {
            let file = try SafetensorsFile(contentsOf: plan.file)
            metadata = file.metadata
            guard metadata["format"] == TrainingCheckpoint.format else {
                throw TrainingCheckpointError.otherFormat(
                    file: path, found: metadata["format"], expected: TrainingCheckpoint.format)
            }
            for name in file.names { tensors[name] = try file.tensor(named: name).floats() }
        } catch let error as TrainingCheckpointError { throw error } catch let error as SafetensorsError {
            throw .tensors(error)
        } catch { preconditionFailure("reading tensors throws no other errors") }
        let json = metadata["state"] ?? ""
        let (found, expected) = (TrainingCheckpoint.checksum(json, tensors), metadata["checksum"] ?? "")
        try check("checksum \(found)", expected, found == expected)
        do { return (try JSONDecoder().decode(Summary.self, from: Data(json.utf8)), tensors) } catch {
            throw .damaged(file: path, found: "\(error)", expected: "the state of a run")
        }
    }

    private func vector(
        _ name: String, _ tensors: [String: [Float]], _ layout: ParameterVector.Layout
    ) throws(TrainingCheckpointError) -> ParameterVector {
        let found = tensors[name] ?? []
        try check("\(found.count) numbers in '\(name)'", "\(layout.count)", found.count == layout.count)
        var vector = ParameterVector(layout)
        vector.withMutableValues { _ = $0.update(fromContentsOf: found) }
        return vector
    }

    private func check(_ found: String, _ expected: String, _ holds: Bool) throws(TrainingCheckpointError) {
        if !holds { throw .damaged(file: path, found: found, expected: expected) }
    }
}
