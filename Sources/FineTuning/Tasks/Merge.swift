import Adapters
import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// Writes a task as a plain model folder, and proves that the folder does what base and adapter did.
public struct Merge: Sendable {
    /// The model with the task that is merged.
    public let model: AdaptedModel
    /// The folder that `model` was read from.
    public let base: URL
    /// The type of floating-point tensors in the new file; nil: each keeps its own.
    public var type: ElementType?
    /// The largest difference that is accepted; nil: that of the type.
    public var tolerance: Float?

    /// A merge into the folder that `model` was read from.
    public init(_ model: AdaptedModel, base: URL, type: ElementType? = nil, tolerance: Float? = nil) {
        (self.model, self.base, self.type, self.tolerance) = (model, base, type, tolerance)
    }

    /// What was compared, and how far apart it was.
    public struct Certificate: Sendable {
        /// The number of sample texts.
        public let texts: Int
        /// The largest difference between any two numbers of the sentence embeddings.
        public let embeddingDifference: Float
        /// The largest difference between any two probabilities; nil without a head.
        public let probabilityDifference: Float?
        /// What was accepted at most.
        public let tolerance: Float
        /// The fingerprint of the merged weights.
        public let fingerprint: BaseFingerprint

        /// Whether all differences are within the tolerance.
        public var holds: Bool { max(embeddingDifference, probabilityDifference ?? 0) <= tolerance }
    }

    /// Merges the task `name` into a new folder: weights, configuration, tokenizer, modules and head.
    ///
    /// The new folder is read again and compared, on `samples`, with the base and its adapter before it takes its place.
    ///
    /// - Throws: ``MergeError/differs(_:)`` with the certificate if the tolerance is exceeded; nothing is written then.
    public func write(_ name: String, to folder: URL, samples: [TextInput]) throws -> Certificate {
        guard let task = model.tasks[name] else {
            throw PredictionError.noSuchTask(name, loaded: model.tasks.keys.sorted())
        }
        guard folder.resolvingSymlinksInPath().path != base.resolvingSymlinksInPath().path else {
            throw MergeError.replacesBase(folder: folder.path(percentEncoded: false))
        }
        precondition(!samples.isEmpty, "a certificate needs sample texts")
        // The head tells a merged model, which may be replaced, from any other model.
        let draft = try AtomicFolder(
            replacing: folder, markedBy: HeadFiles.configName, lacking: [AdapterBundle.configName])
        let tensors = try model.encoder.mergedTensors(task.adapters, task.parameters)
        let names = model.encoder.config.names
        var checkpoint = MergedCheckpoint(base: base, tensors: tensors, names: names, type: type)
        if let head = task.head, let own = try model.checkpointHead() {
            (checkpoint.others, checkpoint.dropped) = try own.tensors(beside: head, names)
        }
        try checkpoint.write(into: draft.draft)

        var merged = try AdaptedModel(contentsOf: draft.draft, precision: model.encoder.precision)
        let head = task.head?.moved(to: merged.encoder)
        try head?.write(into: draft.draft)
        if let head { merged.add(name, TaskAdapter(bundle: nil, head: head)) }
        let types = try Merge.elementTypes(in: draft.draft)
        let certificate = try compare(name, merged, hasHead: head != nil, types, samples)
        guard certificate.holds else { throw MergeError.differs(certificate) }
        try draft.publish()
        return certificate
    }

    private func compare(
        _ name: String, _ merged: AdaptedModel, hasHead: Bool, _ types: Set<ElementType>, _ samples: [TextInput]
    ) throws -> Certificate {
        let adapted = try model.embed(samples, task: name)
        let plain = try merged.embed(samples)
        var probabilities: Float?
        if hasHead {
            let adapted = try model.probabilities(samples, task: name)
            let plain = try merged.probabilities(samples, task: name)
            probabilities = Merge.largestDifference(adapted, plain)
        }
        return Certificate(
            texts: samples.count, embeddingDifference: Merge.largestDifference(adapted, plain),
            probabilityDifference: probabilities,
            tolerance: tolerance ?? Merge.tolerance(of: types, model.encoder.precision),
            fingerprint: merged.encoder.fingerprint)
    }

    private static func largestDifference(_ left: [[Float]], _ right: [[Float]]) -> Float {
        zip(left, right).reduce(0) { largest, rows in
            zip(rows.0, rows.1).reduce(largest) { max($0, abs($1.0 - $1.1)) }
        }
    }

    /// What rounding once to a type may cost: some hundred times its unit for numbers of the size of embeddings. Where both
    /// sides round their weights on the way, so may that.
    private static func tolerance(of types: Set<ElementType>, _ precision: Precision) -> Float {
        if types.contains(.bfloat16) || precision != .float32 { return 5e-2 }
        return types.contains(.float16) ? 5e-3 : 1e-4
    }

    private static func elementTypes(in folder: URL) throws(SafetensorsError) -> Set<ElementType> {
        let tensors = try SafetensorsFolder(contentsOf: folder)
        return Set(tensors.names.compactMap { tensors[$0]?.elementType })
    }

    /// Texts of several lengths and scripts to compare on where the user gives none.
    public static let sampleTexts: [TextInput] = [
        "Yes.", "The film was a delight from start to finish.", "Shares fell sharply after the bank's profit warning.",
        "The home side won by three goals to one, with two of them in the last five minutes of the match.",
        "A new phone with a faster chip and a brighter screen goes on sale next month, its maker said on Tuesday.",
        "The minister told the house that the bill would be put to the vote before the summer, and not a day later.",
        "¿Dónde está la biblioteca?", "Das Wetter wird morgen schöner, sagt der Bericht.", "東京は日本の首都です。",
        "It is neither good nor bad; it is simply there, and after two hours it is over.", "12.5 % of 1,024 = 128",
        "worst. movie. ever. 😡",
    ]
}

/// Why a merged folder was not written.
public enum MergeError: Error, Sendable {
    /// The merged folder does not do what base and adapter do.
    case differs(Merge.Certificate)
    /// The folder to write is the one that is merged into.
    case replacesBase(folder: String)
}

extension MergeError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .differs(let certificate):
            "merged and adapted outputs differ by \(max(certificate.embeddingDifference, certificate.probabilityDifference ?? 0)),"
                + " more than the tolerance of \(certificate.tolerance); nothing was written;"
                + " merge to a wider --type, or accept more with --tolerance"
        case .replacesBase(let folder):
            "\(folder) is the base model itself, which other adapters still need; choose another folder"
        }
    }
}
