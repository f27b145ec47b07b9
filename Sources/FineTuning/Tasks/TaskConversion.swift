import Adapters
import Encoders
import Files
import Foundation
import Safetensors

/// Writes a task's adapter in the files of another program, and proves on texts that they mean the same.
///
/// ```swift
/// var conversion = TaskConversion(model)
/// let task = try conversion.read(folder)
/// let certificate = try conversion.write(task, as: .gguf, to: file, samples: texts)
/// ```
public struct TaskConversion: Sendable {
    /// The model that the adapters are for.
    public let model: AdaptedModel
    /// What the base is called in files that are made of some that do not say it.
    public var baseModel: String?
    /// The type of the numbers in a GGUF file.
    public var type = ElementType.float32
    /// The largest difference that is accepted; nil: that of the type.
    public var tolerance: Float?

    /// Conversions of adapters for this model.
    public init(_ model: AdaptedModel, baseModel: String? = nil) { (self.model, self.baseModel) = (model, baseModel) }

    /// What was compared, and how far apart it was.
    public struct Certificate: Sendable {
        /// The numbers of the old and the new adapter.
        public let parity: AdapterParity
        /// The answers of the old and the new adapter on the sample texts.
        public let answers: OutputDifference
        /// What was accepted at most: of embeddings whose numbers are larger than 1, as a share of the largest.
        public let tolerance: Float
        /// What of the task the format has no place for, each with the reason.
        public let leftBehind: [String]
        /// The largest number of an embedding, at least 1.
        let size: Float

        /// Whether the differences are within the tolerance.
        public var holds: Bool {
            answers.embeddings <= tolerance * size && (answers.probabilities ?? 0) <= tolerance
        }
    }

    // MARK: Reading

    /// Reads an adapter in any of the formats, with its head where that is in its files.
    ///
    /// - Throws: ``AdapterConversionError``, ``TaskAdapterError`` naming the file and what is wrong with it.
    public func read(_ url: URL, allowingOtherBase: Bool = false) throws -> TaskAdapter {
        // A folder with a head alone is a task too; that it has no adapter is for `write` to say.
        let isHeadAlone = HeadFiles.exist(in: url) && !AdapterBundle.exists(in: url)
        let format = isHeadAlone ? .peft : try AdapterConversion.format(of: url)
        switch format {
        case .peft, .adapterhub: return try model.readTask(url, allowingOtherBase: allowingOtherBase)
        case .mlx, .gguf:
            let bundle = try AdapterConversion(for: model.encoder).read(
                url, baseModel: baseModel, allowingOtherBase: allowingOtherBase)
            return TaskAdapter(bundle: bundle, head: nil)
        }
    }

    // MARK: Writing

    /// Writes the adapter of `task` in a format: as a new folder, or for GGUF as a file; with its head beside it where the format keeps
    /// heads.
    ///
    /// What was written is read again and compared, on `samples`, with the task before it takes its place.
    ///
    /// - Throws: ``TaskConversionError``, or ``AdapterConversionError`` for what the format has no place for; nothing is written then.
    public func write(
        _ task: TaskAdapter, as format: AdapterFormat, to url: URL, samples: [TextInput]
    ) throws -> Certificate {
        precondition(!samples.isEmpty, "a certificate needs sample texts")
        guard let bundle = task.bundle else { throw TaskConversionError.noAdapter }
        guard format.isFile else {
            let draft = try AtomicFolder(
                replacing: url, markedBy: AdapterBundle.configName, lacking: [TaskConversion.stranger])
            let certificate = try write(task, bundle, as: format, to: draft.draft, samples)
            try draft.publish()
            return certificate
        }
        try TaskConversion.checkFile(url)
        let folder = FileManager.default.temporaryDirectory.appending(path: "graft-convert-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let draft = folder.appending(path: "adapter.gguf")
        let certificate = try write(task, bundle, as: format, to: draft, samples)
        try AtomicFile.write(Data(contentsOf: draft), to: url)
        return certificate
    }

    /// Throws what writing would for a place that must not be replaced: to say so before the work.
    public static func checkOutput(_ url: URL, for format: AdapterFormat) throws(FilesError) {
        guard format.isFile else {
            return try AtomicFolder.check(url, markedBy: AdapterBundle.configName, lacking: [stranger])
        }
        try checkFile(url)
    }

    /// A folder with this is a model's, whatever else is in it.
    private static let stranger = "config.json"

    private static func checkFile(_ url: URL) throws(FilesError) {
        let path = url.path(percentEncoded: false)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return }
        guard !isFolder.boolValue else {
            throw FilesError("replace", path, code: EISDIR, advice: "GGUF is one file; name it, such as adapter.gguf")
        }
        guard GGUFFile.isOne(url) else {
            throw FilesError(
                "replace", path, code: EEXIST, advice: "it is no GGUF file, so it is not replaced; choose another name")
        }
    }

    private func write(
        _ task: TaskAdapter, _ bundle: AdapterBundle, as format: AdapterFormat, to draft: URL, _ samples: [TextInput]
    ) throws -> Certificate {
        let parity = try AdapterConversion(for: model.encoder).write(bundle, as: format, to: draft, type: type)
        if format.keepsHeads { try task.head?.write(into: draft) }

        var both = model.withoutTasks
        both.add("old", task)
        both.add("new", try read(draft, allowingOtherBase: true))
        let answers = try OutputDifference(both, "old", both, "new", on: samples)
        let size = try both.embed(samples, task: "old").joined().reduce(Float(1)) { max($0, abs($1)) }
        let certificate = Certificate(
            parity: parity, answers: answers, tolerance: tolerance ?? usualTolerance,
            leftBehind: leftBehind(task, bundle, format), size: size)
        guard certificate.holds else { throw TaskConversionError.differs(certificate) }
        return certificate
    }

    /// What rounding to a type does to embeddings, with room.
    private var usualTolerance: Float {
        switch type {
        case .float16: 5e-3
        case .bfloat16: 5e-2
        default: 1e-5
        }
    }

    private func leftBehind(_ task: TaskAdapter, _ bundle: AdapterBundle, _ format: AdapterFormat) -> [String] {
        // A task model's head that Graft does not run is among what PEFT's files keep.
        var left = format == .peft ? bundle.ignored : task.ignored
        if let head = task.head, !format.keepsHeads {
            let labels = head.labels.isEmpty ? "" : ", \(head.labels.count) labels"
            left.append("the head (\(head.objective.rawValue)\(labels)): \(format.title) keeps no heads")
        }
        if format == .gguf {
            let rate = bundle.adapters.linear.values.reduce(Float(0)) { max($0, ($1 as? LoRA)?.dropoutRate ?? 0) }
            if rate > 0 { left.append("dropout of \(rate) in training: GGUF says nothing of training") }
        }
        return left
    }
}

/// Why an adapter was not converted.
public enum TaskConversionError: Error, Sendable {
    /// The task has a head alone.
    case noAdapter
    /// What was written does not do what the old adapter did.
    case differs(TaskConversion.Certificate)
}

extension TaskConversionError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .noAdapter: "there is a head and no adapter, so there is nothing to convert"
        case .differs(let certificate):
            "the converted adapter's embeddings differ by \(certificate.answers.embeddings), more than the tolerance of"
                + " \(certificate.tolerance); nothing was written"
        }
    }
}
