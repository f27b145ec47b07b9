import Adapters
import Encoders
import Foundation

/// Makes a task of two whole model folders: a LoRA for what training has changed, the head that the tuned one has, and how near both
/// are to the tuned model, measured on texts.
public struct TaskExtraction: Sendable {
    /// The model that training began with.
    public let base: AdaptedModel
    /// What the task's folder calls it.
    public var baseName: String
    /// How the adapter is made.
    public var extraction: Extraction

    /// An extraction over `base`.
    public init(over base: AdaptedModel, named baseName: String, _ extraction: Extraction) {
        (self.base, self.baseName, self.extraction) = (base, baseName, extraction)
    }

    /// The task, and what is to be said of it.
    public struct Outcome: Sendable {
        /// The task.
        public let task: TaskAdapter
        /// The maps and what they lose, and what else differs.
        public let extracted: ExtractedAdapter
        /// The difference between the tuned model and base with the task.
        public let difference: OutputDifference
    }

    /// The task that makes `tuned` of the base.
    ///
    /// - Parameter samples: texts to compare on.
    /// - Throws: ``ExtractionError``, or ``HeadError`` for a head of the tuned model that is not whole.
    public func extract(from tuned: AdaptedModel, samples: [TextInput]) throws -> Outcome {
        let extracted = try extraction.extract(
            from: tuned.encoder, over: base.encoder, tunedFolder: tuned.folder, baseFolder: base.folder,
            baseModel: baseName)
        let head = try TaskExtraction.head(of: tuned)
        let task = TaskAdapter(bundle: extracted.bundle, head: head?.moved(to: base.encoder))
        var made = base.replacing(base.encoder)
        made.add("extracted", task)
        var whole = tuned.replacing(tuned.encoder)
        if let head { whole.add("tuned", TaskAdapter(bundle: nil, head: head)) }
        let difference = try OutputDifference(
            made, "extracted", whole, head == nil ? nil : "tuned", on: samples)
        return Outcome(task: task, extracted: extracted, difference: difference)
    }

    /// The head of a model folder: Graft's own files, or that of a task model; nil where there is none.
    private static func head(of model: AdaptedModel) throws -> HeadFiles? {
        if HeadFiles.exist(in: model.folder) {
            return try HeadFiles(contentsOf: model.folder, hiddenSize: model.encoder.config.hiddenSize)
        }
        return try model.checkpointHead() == nil ? nil : model.checkpointHeadFiles()
    }
}
