import Adapters
import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// One task: its adapters, and its head where it has one. On disk it is one folder, which PEFT opens too.
public struct TaskAdapter: Sendable {
    /// The adapters; nil if only a head was trained.
    public let bundle: AdapterBundle?
    /// The head; nil for a folder that PEFT wrote.
    public let head: HeadFiles?
    /// The adapters that are at work: those of the bundle, unless a weight or others beside them make them something else
    /// (``AdapterRegistry``); none if only a head was trained.
    public let adapters: AdapterSet
    /// The values of adapters and head in one vector.
    public var parameters: ParameterVector { pass.parameters }
    /// The one pass of all its answers: whole weights that the task changes are packed once for them.
    let pass: Pass
    /// What of the folder's files takes no part, each with the reason, for people to read.
    public let ignored: [String]

    /// The given parts, at least one of them.
    public init(bundle: AdapterBundle?, head: HeadFiles?) {
        precondition(bundle != nil || head != nil, "a task has adapters or a head")
        (self.bundle, self.head) = (bundle, head)
        ignored = bundle?.ignored ?? []
        adapters = bundle?.adapters ?? .none
        pass = Pass(parameters: TaskAdapter.parameters(adapters, bundle?.parameters, head))
    }

    /// A task whose adapters are in no file of their own: those of others at work at once, or with a weight, or switched off.
    package init(_ adapters: AdapterSet, _ values: ParameterVector, head: HeadFiles?) {
        (bundle, self.head, self.adapters, ignored) = (nil, head, adapters, [])
        pass = Pass(parameters: TaskAdapter.parameters(adapters, values, head))
    }

    /// Reads a folder for `encoder`. A head that PEFT saved as part of a task model is left out: to read that takes the model
    /// folder, which ``AdaptedModel/load(_:from:allowingOtherBase:)`` has.
    ///
    /// - Throws: ``TaskAdapterError`` saying what is wrong with which file.
    public init(
        contentsOf folder: URL, for encoder: TransformerEncoder, allowingOtherBase: Bool = false
    ) throws(TaskAdapterError) {
        try self.init(contentsOf: folder, for: encoder, nil, allowingOtherBase: allowingOtherBase)
    }

    /// The same; a head that PEFT saved as part of a task model is one of `taskModels`, if that is not nil.
    ///
    /// - Throws: ``TaskAdapterError`` saying what is wrong with which file.
    package init(
        contentsOf folder: URL, for encoder: TransformerEncoder, _ taskModels: TaskModelHeads?,
        allowingOtherBase: Bool = false
    ) throws(TaskAdapterError) {
        let path = folder.path(percentEncoded: false)
        let (hasBundle, hasHead) = (AdapterBundle.exists(in: folder), HeadFiles.exist(in: folder))
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw .noSuchFolder(folder: path)
        }
        guard hasBundle || !AdapterBundle.hasWeights(in: folder) else { throw .missingConfiguration(folder: path) }
        guard hasBundle || hasHead else { throw .notAnAdapterFolder(folder: path) }
        do {
            bundle =
                hasBundle
                ? try AdapterBundle(contentsOf: folder, for: encoder, allowingOtherBase: allowingOtherBase) : nil
        } catch { throw .adapter(error) }
        if hasHead {
            do throws(HeadError) {
                head =
                    AdapterHubHead.exists(in: folder)
                    ? try AdapterHubHead.read(
                        folder, on: encoder,
                        maximumTokens: min(TrainingOptions().maximumTokens, encoder.config.maximumPositions))
                    : try HeadFiles(contentsOf: folder, hiddenSize: encoder.config.hiddenSize)
            } catch { throw .head(error) }
            ignored = bundle?.ignored ?? []
        } else {
            let (found, reasons) = TaskAdapter.head(bundle?.taskHead, taskModels)
            (head, ignored) = (found, (bundle?.ignored ?? []) + reasons)
        }
        adapters = bundle?.adapters ?? .none
        pass = Pass(parameters: TaskAdapter.parameters(adapters, bundle?.parameters, head))
        // A head alone has no PEFT files to keep the fingerprint in; it keeps its own.
        if let found = head?.fingerprint, found != encoder.fingerprint, !allowingOtherBase {
            throw .adapter(
                .otherBase(
                    folder: path, baseModel: bundle?.configuration.baseModel, found: "\(encoder.fingerprint)",
                    expected: "\(found)"))
        }
    }

    /// The same, where its head is that of the family's task model: with the head in PEFT's files too, so that they open on that
    /// model and give its logits. `head` says how PEFT keeps it.
    package func asTaskModel(_ head: SavedTaskHead, on encoder: TransformerEncoder, baseModel: String?) -> TaskAdapter {
        let bundle =
            bundle
            ?? AdapterBundle(nil, trained: ParameterVector([]), .none, on: encoder, baseModel: baseModel)
        return TaskAdapter(bundle: bundle.with(head), head: self.head)
    }

    /// Writes the folder whole: at every moment either the old one or the new one is there.
    ///
    /// - Parameters:
    ///   - record: of the run that made it, where that came to its end.
    ///   - companions: other files of the folder, by their names.
    /// - Throws: ``TaskAdapterError`` if it cannot be written; what was there before is then untouched.
    public func write(
        to folder: URL, card: String, record: TrainingRecord? = nil, companions: [(name: String, data: Data)] = []
    ) throws(TaskAdapterError) {
        guard bundle != nil || adapters.isEmpty else {
            throw .notOfOneFolder(folder: folder.path(percentEncoded: false))
        }
        do {
            let draft = try AtomicFolder(
                replacing: folder, markedBy: TaskAdapter.marker, lacking: [TaskAdapter.stranger])
            try bundle?.write(into: draft.draft)
            try head?.write(into: draft.draft)
            try AtomicFile.write(Data(card.utf8), to: draft.draft.appending(path: "README.md"))
            try record?.write(into: draft.draft)
            for (name, data) in companions { try AtomicFile.write(data, to: draft.draft.appending(path: name)) }
            try draft.publish()
        } catch let error as FilesError { throw .files(error) } catch let error as AdapterError {
            throw .adapter(error)
        } catch let error as HeadError { throw .head(error) } catch {
            preconditionFailure("writing throws no other errors")
        }
    }

    /// The head of a task model; where it is not one that Graft runs, why it takes no part: the adapter is one for embeddings
    /// without it.
    private static func head(
        _ saved: SavedTaskHead?, _ taskModels: TaskModelHeads?
    ) -> (head: HeadFiles?, ignored: [String]) {
        guard let saved else { return (nil, []) }
        var reason = "the head of a task model"
        if let taskModels {
            do { return (try taskModels.head(saved), []) } catch { reason += ": \(error)" }
        }
        return (nil, saved.tensors.map { "\($0.name): \(reason)" })
    }

    /// Writes files that belong to several tasks into the folder that holds theirs, each whole or not at all, the record last.
    ///
    /// - Throws: ``TaskAdapterError`` if they cannot be written.
    public static func write(
        _ companions: [(name: String, data: Data)], record: TrainingRecord?, beside folder: URL
    ) throws(TaskAdapterError) {
        do throws(FilesError) {
            for (name, data) in companions { try AtomicFile.write(data, to: folder.appending(path: name)) }
            try record?.write(into: folder)
        } catch { throw .files(error) }
    }

    /// Throws what ``write(to:card:record:companions:)`` would for a folder that is there and not an adapter's: before the work is done.
    public static func checkOutput(_ folder: URL) throws(TaskAdapterError) {
        do { try AtomicFolder.check(folder, markedBy: marker, lacking: [stranger]) } catch { throw .files(error) }
    }

    /// A folder with the first is an adapter's and may be replaced, unless it has the second and is a model's.
    private static let (marker, stranger) = (HeadFiles.configName, "config.json")

    /// The values of adapters and head in one vector: made once, because every answer reads it.
    private static func parameters(
        _ adapters: AdapterSet, _ adapted: ParameterVector?, _ head: HeadFiles?
    ) -> ParameterVector {
        let head = head?.head
        var values = ParameterVector(adapters.parameters + (head?.head.parameters ?? []))
        for parameter in adapters.parameters { values[parameter] = adapted?[parameter] ?? values[parameter] }
        for parameter in head?.head.parameters ?? [] {
            values[parameter] = head?.values[parameter] ?? values[parameter]
        }
        return values
    }
}
