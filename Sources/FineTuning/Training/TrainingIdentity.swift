import Adapters
import Encoders
import Files
import Foundation
import Matrices

/// All that a training run is a function of, by name: runs alike in it give the same bytes.
struct TrainingIdentity: Sendable, Equatable {
    /// Each setting by its name, each data set and the base by what identifies them.
    let facets: [String: String]

    /// Facets that were read.
    init(facets: [String: String]) { self.facets = facets }

    /// What training these tasks by this run is. `starts` are the values, from files, that they start from.
    init(_ run: TrainingRun, _ encoder: TransformerEncoder, _ tasks: [TrainingTask], starts: [ParameterVector]) {
        var facets = [
            "base fingerprint": "\(encoder.fingerprint)", "precision": encoder.precision.rawValue,
            "start": starts.isEmpty ? "anew" : TrainingIdentity.hash(of: starts),
        ]
        /// Facets of one of several stages, tasks or adapters are called after it; of the only one by themselves.
        func add(_ settings: [String: String], of name: String, among count: Int) {
            for (key, value) in settings { facets[count > 1 ? "\(name)'s \(key)" : key] = value }
        }
        for stage in run.stages {
            add(TrainingIdentity.settings(of: stage.options), of: "stage \(stage.name)", among: run.stages.count)
            add(["what trains": "\(stage.trains.description)"], of: "stage \(stage.name)", among: run.stages.count)
        }
        facets["stages"] = run.stages.map(\.name).joined(separator: ", ")
        facets["mixing"] = tasks.count > 1 ? "\(run.mixing)" : nil
        for adapter in run.adapters {
            guard case .new(let recipe) = adapter.start else { continue }
            var settings = TrainingIdentity.settings(of: recipe)
            settings.merge(TrainingIdentity.settings(of: recipe.method)) { _, own in own }
            settings["method"] = recipe.methodNames.joined(separator: ", ")
            add(
                Dictionary(uniqueKeysWithValues: settings.map { ("adapter's \($0.key)", $0.value) }),
                of: "\(adapter.name)", among: run.adapters.count)
        }
        for (task, own) in zip(tasks, run.tasks) {
            let head = task.head
            add(
                [
                    "adapter": own.adapter == nil ? "none" : tasks.count > 1 ? own.adapter ?? "" : "its own",
                    "objective": head.objective.rawValue, "pooling": head.pooling?.name ?? "none",
                    "loss": head.lossDescription, "head": "\(head.network.shape)",
                    "labels": head.labels.joined(separator: ", "),
                    "training data": task.training?.contentHash ?? "none",
                    "evaluation data": task.evaluation?.contentHash ?? "none",
                    "weight": "\(task.weight)", "maximum drop": task.maximumDrop.map { "\($0)" } ?? "none",
                ], of: task.name, among: tasks.count)
        }
        self.facets = facets
    }

    /// Where `found` is not this.
    func differences(from found: TrainingIdentity) -> [TrainingCheckpointError.Difference] {
        Set(facets.keys).union(found.facets.keys).sorted().compactMap { name in
            let (found, expected) = (found.facets[name] ?? "not said", facets[name] ?? "not said")
            return found == expected ? nil : .init(name: name, found: found, expected: expected)
        }
    }

    /// The stored properties of `settings`, by reflection: so that one that is added later is compared too. Where features
    /// are kept changes no byte.
    private static func settings(of settings: Any) -> [String: String] {
        var texts: [String: String] = [:]
        for case (let name?, let value) in Mirror(reflecting: settings).children where name != "featureMemory" {
            texts[words(of: name)] = text(of: value)
        }
        return texts
    }

    /// Tells values from others.
    private static func hash(of values: [ParameterVector]) -> String {
        let hashes = values.map { $0.values.withUnsafeBytes { XXHash64.hash($0) } }
        return String(hashes.withUnsafeBytes { XXHash64.hash($0) }, radix: 16)
    }

    /// "learning rate" for `learningRate`.
    private static func words(of name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? " " + $1.lowercased() : String($1) }
    }

    private static func text(of value: Any) -> String {
        let mirror = Mirror(reflecting: value)
        guard mirror.displayStyle == .optional else { return "\(value)" }
        return mirror.children.first.map { "\($0.value)" } ?? "none"
    }
}

extension TrainingTexts {
    /// The number of texts, and a hash of their tokens and labels in their order: the file they came from may move.
    fileprivate var contentHash: String {
        var hash = SHA256()
        for (text, target) in zip(texts, targets) {
            let numbers = [Int32(text.ids.count)] + text.ids + text.segments + target.numbers
            numbers.map(\.littleEndian).withUnsafeBytes { hash.update($0) }
        }
        return "\(count) texts (SHA-256 \(hash.hexDigest().prefix(16))…)"
    }
}
