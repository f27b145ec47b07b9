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

    /// What training `model` on these texts with these settings is.
    init(
        _ model: TaskModel, _ recipe: AdapterRecipe?, _ options: TrainingOptions,
        headStart: [Parameter: Matrix] = [:], training: TrainingTexts, evaluation: TrainingTexts?
    ) {
        var facets = TrainingIdentity.settings(of: options)
        if let recipe {
            for (name, value) in TrainingIdentity.settings(of: recipe) { facets["adapter's " + name] = value }
        } else {
            facets["adapter"] = "none"
        }
        facets["base fingerprint"] = "\(model.encoder.fingerprint)"
        facets["precision"] = model.encoder.precision.rawValue
        facets["objective"] = model.head.objective.rawValue
        facets["pooling"] = model.head.pooling?.name ?? "none"
        facets["loss"] = model.head.lossDescription
        if model.head.network.shape != .linear { facets["head"] = "\(model.head.network.shape)" }
        if !headStart.isEmpty { facets["head's start"] = TrainingIdentity.hash(of: headStart) }
        facets["labels"] = model.head.labels.joined(separator: ", ")
        facets["training data"] = training.contentHash
        facets["evaluation data"] = evaluation?.contentHash ?? "none"
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
    private static func hash(of values: [Parameter: Matrix]) -> String {
        let numbers = values.sorted { $0.key.name < $1.key.name }.flatMap { $0.value.values }
        return String(numbers.withUnsafeBytes { XXHash64.hash($0) }, radix: 16)
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
