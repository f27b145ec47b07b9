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
        /// The finished stages, and the running one.
        let stages: [Stage]
        let steps: Int
        let seconds: Double
        let losses: [Double]
        let bestStage: Int?
        let startScores: [String: Scores]

        struct Stage: Codable {
            let epochs: [Epoch]
            let bestEpoch: Int?
            let steps: Int
            let seconds: Double
            let trained: [String: Int]
            let isBest: Bool
        }

        struct Epoch: Codable {
            let epoch: Int
            let loss: Double
            let step: Int
            let isBest: Bool
            let score: Double?
            let tasks: [String]
            let scores: [Scores]

            init(_ epoch: TrainingProgress.Epoch) {
                self.epoch = epoch.epoch
                (loss, step, isBest, score) = (epoch.loss, epoch.step, epoch.isBest, epoch.score)
                (tasks, scores) = (epoch.taskScores.map(\.task), epoch.taskScores.map(\.scores))
            }
        }
    }

    private var path: String { plan.file.relativePath }

    // MARK: Writing

    /// Whether one is written after so many steps.
    func isDue(after steps: Int) -> Bool { plan.interval.map { steps % $0 == 0 } ?? false }

    /// Writes the state in place of the one before. Whatever happens, one of both is in the file, whole.
    func write(_ state: TrainingState) throws(TrainingCheckpointError) {
        let finished = state.stages.map { stage in
            Summary.Stage(
                epochs: stage.epochs.map { .init($0) }, bestEpoch: stage.bestEpoch, steps: stage.steps,
                seconds: stage.seconds,
                trained: Dictionary(uniqueKeysWithValues: stage.trained.map { ($0.key.rawValue, $0.value) }),
                isBest: stage.isBest)
        }
        let running = Summary.Stage(
            epochs: state.epochs.map { .init($0) }, bestEpoch: state.best?.place, steps: state.optimizer.steps,
            seconds: state.seconds, trained: [:], isBest: false)
        let summary = Summary(
            run: identity.facets, stages: finished + [running], steps: state.steps, seconds: state.seconds,
            losses: state.losses, bestStage: state.bestOfRun?.stage, startScores: state.startScores)
        let json = TrainingCheckpoint.encoded(summary)
        var tensors = [
            "values": state.values.values, "first_moment": state.optimizer.firstMoment.values,
            "second_moment": state.optimizer.secondMoment.values,
        ]
        tensors["average"] = state.average?.values.values
        tensors["best_values"] = state.best?.values.values
        tensors["best_values_of_run"] = state.bestOfRun?.values.values
        for (route, allocation) in state.allocations {
            tensors["rank_sensitivity.\(route)"] = allocation.sensitivity.values
            tensors["rank_uncertainty.\(route)"] = allocation.uncertainty.values
            tensors["ranks_in_use.\(route)"] = (allocation.isInUse + [allocation.isDecided]).map { $0 ? 1 : 0 }
        }
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
    ///   - stages: the run's stages, and `stepsPerStage` the steps of each at most.
    ///   - labels: names of the labels of each task's head.
    ///   - optimizer: that of a stage before its first step.
    /// - Throws: if there is no checkpoint, it is damaged, or it is of another run.
    func read(
        _ start: TrainingState, _ stages: [TrainingStage], stepsPerStage: [Int],
        optimizer: (TrainingStage) -> AdamW
    ) throws(TrainingCheckpointError) -> TrainingState {
        guard plan.exists else { throw .missing(file: path) }
        let (summary, tensors) = try content()
        let differences = identity.differences(from: TrainingIdentity(facets: summary.run))
        guard differences.isEmpty else { throw .otherRun(file: path, differences) }
        guard let running = summary.stages.last, summary.stages.count <= stages.count else {
            throw .damaged(file: path, found: "\(summary.stages.count) stages", expected: "1 to \(stages.count)")
        }
        let place = (running.epochs.last.map { $0.step } ?? summary.steps - running.steps) + summary.losses.count
        let steps = summary.stages.reduce(0) { $0 + $1.steps }
        try check(
            "\(summary.steps) steps, \(summary.losses.count) of them not evaluated", "\(steps), \(place)",
            summary.steps == steps && summary.steps == place
                && running.steps <= stepsPerStage[summary.stages.count - 1])
        for stage in summary.stages {
            let isPlausible = stage.bestEpoch.map { (1...max(1, stage.epochs.count)).contains($0) } ?? true
            try check("best epoch \(stage.bestEpoch ?? 0)", "one of the \(stage.epochs.count) finished", isPlausible)
        }
        let isPlausible = summary.bestStage.map { 1 <= $0 && $0 < summary.stages.count } ?? true
        try check(
            "best stage \(summary.bestStage ?? 0)", "one of the \(summary.stages.count - 1) finished", isPlausible)

        var state = start
        let layout = start.values.layout
        state.values = try vector("values", tensors, layout)
        state.optimizer = optimizer(stages[summary.stages.count - 1])
        state.optimizer.restore(
            firstMoment: try vector("first_moment", tensors, layout),
            secondMoment: try vector("second_moment", tensors, layout), steps: running.steps)
        if let decay = stages[summary.stages.count - 1].options.averageDecay {
            state.average = MovingAverage(decay: decay, of: try vector("average", tensors, layout))
        }
        for (route, var allocation) in state.allocations {
            let used = tensors["ranks_in_use.\(route)"] ?? []
            try check(
                "\(used.count) ranks", "\(allocation.isInUse.count + 1)", used.count == allocation.isInUse.count + 1)
            allocation.restore(
                sensitivity: try vector("rank_sensitivity.\(route)", tensors, allocation.sensitivity.layout),
                uncertainty: try vector("rank_uncertainty.\(route)", tensors, allocation.uncertainty.layout),
                isInUse: used.dropLast().map { $0 != 0 }, isDecided: used.last == 1)
            state.allocations[route] = allocation
        }
        (state.losses, state.seconds, state.startScores) = (summary.losses, summary.seconds, summary.startScores)
        for (number, stage) in zip(1..., summary.stages.dropLast()) {
            state.stages.append(
                .init(
                    stage: number, name: stages[number - 1].name, epochs: epochs(of: stage, number, stages),
                    bestEpoch: stage.bestEpoch,
                    trained: Dictionary(
                        uniqueKeysWithValues: stage.trained.compactMap { name, count in
                            ParameterPlace.Part(rawValue: name).map { ($0, count) }
                        }), steps: stage.steps, seconds: stage.seconds, isBest: stage.isBest, values: nil))
        }
        state.epochs = epochs(of: running, summary.stages.count, stages)
        if let best = running.bestEpoch {
            state.best = .init(place: best, values: try vector("best_values", tensors, layout))
        }
        if let best = summary.bestStage {
            state.bestOfRun = .init(stage: best, values: try vector("best_values_of_run", tensors, layout))
        }
        return state
    }

    private func epochs(
        of stage: Summary.Stage, _ number: Int, _ stages: [TrainingStage]
    ) -> [TrainingProgress.Epoch] {
        stage.epochs.map { epoch in
            .init(
                stage: number, epoch: epoch.epoch, epochs: stages[number - 1].options.epochs, step: epoch.step,
                loss: epoch.loss, taskScores: zip(epoch.tasks, epoch.scores).map { TaskScores(task: $0, scores: $1) },
                score: epoch.score, isBest: epoch.isBest)
        }
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
