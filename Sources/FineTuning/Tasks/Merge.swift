import Adapters
import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// Writes tasks as a plain model folder, and proves that the folder does what base and adapters did.
public struct Merge: Sendable {
    /// The model with the tasks that are merged.
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

    /// One adapter that is merged.
    public struct Step: Sendable, Equatable {
        /// The task whose adapters they are.
        public let task: String
        /// What its changes are multiplied by.
        public let weight: Float

        /// A task at a weight.
        public init(_ task: String, weight: Float = 1) { (self.task, self.weight) = (task, weight) }
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
        try write([Step(name)], to: folder, samples: samples)
    }

    /// Merges several tasks into a new folder, one after the other: each into the weights that those before it have left.
    ///
    /// New numbers are computed in float32 from the base's and rounded once, when all are merged. The new folder is read again and
    /// compared, on `samples`, with the last adapter on the weights that those before it have left; and these with each other, so that
    /// the certificate is of the furthest of all steps.
    ///
    /// - Parameter head: the task whose head the folder gets; nil: that of the one task that has a head.
    /// - Throws: ``MergeError/differs(_:)`` with the certificate if the tolerance is exceeded, ``MergeError/severalHeads(_:)`` if nobody
    ///   chose; nothing is written then. ``AdapterError/notMergeable(site:)`` for what is no change of a weight.
    public func write(
        _ steps: [Step], headOf head: String? = nil, to folder: URL, samples: [TextInput]
    ) throws -> Certificate {
        let chosen = try self.head(of: steps, head)
        let chain = try chain(steps, layers: nil, samples)
        return try write(chain, to: folder, head: chosen.map { ($0.name, $0.files) }, samples) { merged in
            var merged = merged
            guard let chosen else { return merged }
            merged.add(chosen.name, TaskAdapter(bundle: nil, head: chosen.files.moved(to: merged.encoder)))
            return merged
        }
    }

    /// Merges what a task changes in some layers into a new folder, and writes the rest of it, with its head, as an adapter for that
    /// folder.
    ///
    /// The new folder with the rest on it is read again and compared, on `samples`, with the base and the whole adapter.
    ///
    /// - Parameters:
    ///   - layers: whose changes are merged.
    ///   - rest: the adapter folder for what is left.
    /// - Throws: ``MergeError`` if the tolerance is exceeded, or nothing is in these layers or outside of them; nothing is written then.
    public func write(
        _ name: String, layers: Set<Int>, to folder: URL, rest: URL, card: String, samples: [TextInput]
    ) throws -> Certificate {
        let task = try self.task(name)
        guard let bundle = task.bundle else { throw MergeError.nothingInLayers(layers.sorted()) }
        for layer in layers.sorted() where layer >= model.encoder.config.distinctLayers || layer < 0 {
            throw AdapterError.noSuchLayer(layer, layers: model.encoder.config.distinctLayers)
        }
        try TaskAdapter.checkOutput(rest)
        let chain = try chain([Step(name)], layers: layers, samples)
        guard !chain.tensors.isEmpty else { throw MergeError.nothingInLayers(layers.sorted()) }
        guard !task.adapters.outsideLayers(layers).isEmpty else {
            throw MergeError.nothingOutsideLayers(layers.sorted())
        }
        let scratch = FileManager.default.temporaryDirectory.appending(path: "graft-rest-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        var left: TaskAdapter?
        let certificate = try write(chain, to: folder, head: nil, samples) { merged in
            var merged = merged
            guard let rest = bundle.leavingOut(layers: layers, on: merged.encoder) else { return merged }
            let task = TaskAdapter(bundle: rest, head: task.head?.moved(to: merged.encoder))
            // As it will be read, so that what is compared is what is there.
            try task.write(to: scratch, card: card)
            try merged.load(name, from: scratch)
            left = task
            return merged
        }
        try left?.write(to: rest, card: card)
        return certificate
    }

    // MARK: Inside

    /// New numbers, and what they are compared with.
    private struct Chain {
        var tensors: [FrozenTensor: Matrix] = [:]
        /// The model whose task ``task`` does what all that is merged does.
        var reference: AdaptedModel
        var task: String
        /// The largest difference of embeddings between a step as an adapter and merged, of all but the last.
        var difference: Float = 0
    }

    private func task(_ name: String) throws(PredictionError) -> TaskAdapter {
        guard let task = model.tasks[name] else { throw .noSuchTask(name, loaded: model.tasks.keys.sorted()) }
        return task
    }

    private func head(of steps: [Step], _ choice: String?) throws -> (name: String, files: HeadFiles)? {
        precondition(!steps.isEmpty, "something is merged")
        if let choice {
            guard let files = try task(choice).head else { throw PredictionError.noHead(task: choice) }
            return (choice, files)
        }
        let heads = try steps.compactMap { step in try task(step.task).head.map { (name: step.task, files: $0) } }
        guard heads.count < 2 || Set(heads.map(\.name)).count == 1 else {
            throw MergeError.severalHeads(heads.map(\.name))
        }
        return heads.first
    }

    private func chain(_ steps: [Step], layers: Set<Int>?, _ samples: [TextInput]) throws -> Chain {
        precondition(!samples.isEmpty, "a certificate needs sample texts")
        var chain = Chain(reference: model, task: steps[0].task)
        var encoder = model.encoder
        for (index, step) in steps.enumerated() {
            let task = try self.task(step.task)
            guard step.weight.isFinite else { throw MergeError.invalidWeight(step.weight, task: step.task) }
            let term = AdapterSet.Term(
                name: step.task, adapters: task.adapters, pass: task.pass, weight: step.weight)
            let (adapters, values) = try AdapterSet.sum([term])
            if steps.count > 1 || step.weight != 1 {
                var reference = model.with(encoder)
                reference.add(step.task, TaskAdapter(adapters, values, head: task.head))
                (chain.reference, chain.task) = (reference, step.task)
            }
            let merged = try encoder.mergedTensors(layers.map { adapters.inLayers($0) } ?? adapters, values)
            chain.tensors.merge(merged) { _, new in new }
            guard index + 1 < steps.count else { break }
            let next = encoder.replacing(merged)
            chain.difference = max(
                chain.difference,
                Merge.largestDifference(
                    try chain.reference.embed(samples, task: step.task), try model.with(next).embed(samples)))
            encoder = next
        }
        return chain
    }

    /// Writes new numbers into a folder and compares what is read of it again. `prepare` gives the model that was read the task that is
    /// compared; where it has none of that name, plain embeddings are.
    private func write(
        _ chain: Chain, to folder: URL, head: (name: String, files: HeadFiles)?, _ samples: [TextInput],
        _ prepare: (AdaptedModel) throws -> AdaptedModel
    ) throws -> Certificate {
        guard folder.resolvingSymlinksInPath().path != base.resolvingSymlinksInPath().path else {
            throw MergeError.replacesBase(folder: folder.path(percentEncoded: false))
        }
        // The head tells a merged model, which may be replaced, from any other model.
        let draft = try AtomicFolder(
            replacing: folder, markedBy: HeadFiles.configName, lacking: AdapterBundle.markers)
        let names = model.encoder.config.names
        var checkpoint = MergedCheckpoint(base: base, tensors: chain.tensors, names: names, type: type)
        if let head, let own = try model.checkpointHead() {
            (checkpoint.others, checkpoint.dropped) = try own.tensors(beside: head.files, names)
        }
        try checkpoint.write(into: draft.draft)

        let read = try AdaptedModel(contentsOf: draft.draft, precision: model.encoder.precision)
        try head?.files.moved(to: read.encoder).write(into: draft.draft)
        let merged = try prepare(read)
        let types = try Merge.elementTypes(in: draft.draft)
        let certificate = try compare(chain, merged, head: head?.name, types, samples)
        guard certificate.holds else { throw MergeError.differs(certificate) }
        try draft.publish()
        return certificate
    }

    private func compare(
        _ chain: Chain, _ merged: AdaptedModel, head: String?, _ types: Set<ElementType>, _ samples: [TextInput]
    ) throws -> Certificate {
        let isTask = merged.tasks[chain.task] != nil
        let adapted = try chain.reference.embed(samples, task: chain.task)
        let plain = try merged.embed(samples, task: isTask ? chain.task : nil)
        var probabilities: Float?
        let answering = head ?? (isTask ? chain.task : nil)
        if let answering, let files = merged.tasks[answering]?.head {
            // The head that is chosen, on what all that is merged does.
            var reference = chain.reference
            if let task = reference.tasks[chain.task], answering != chain.task {
                reference.add(chain.task, TaskAdapter(task.adapters, task.parameters, head: files))
            }
            // A similarity is asked of pairs, which samples are not.
            probabilities = Merge.largestDifference(
                try reference.probabilities(samples, task: chain.task),
                try merged.probabilities(samples, task: answering))
        }
        return Certificate(
            texts: samples.count,
            embeddingDifference: max(chain.difference, Merge.largestDifference(adapted, plain)),
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
