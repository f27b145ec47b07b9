import Adapters
import Encoders
import Files
import Foundation

/// Writes a task's adapter in the files of another library, and proves that they mean the same.
public struct Conversion: Sendable {
    /// The model with the task.
    public let model: AdaptedModel
    /// The largest difference of an embedding's numbers that is accepted.
    public var tolerance: Float = 1e-5

    /// Conversions of tasks of this model.
    public init(_ model: AdaptedModel) { self.model = model }

    /// A library whose files an adapter can be in.
    public enum Library: String, Sendable, CaseIterable {
        /// Hugging Face's PEFT.
        case peft
        /// AdapterHub's `adapters`.
        case adapterhub
    }

    /// What was compared, and how far apart it was.
    public struct Certificate: Sendable {
        /// The number of sample texts.
        public let texts: Int
        /// The largest difference between any two numbers of the sentence embeddings.
        public let difference: Float
        /// What was accepted at most.
        public let tolerance: Float

        /// Whether the difference is within the tolerance.
        public var holds: Bool { difference <= tolerance }
    }

    /// Writes the adapter of the task `name` into a new folder, and its head beside it where it has one.
    ///
    /// The new folder is read again and compared, on `samples`, with the old one before it takes its place.
    ///
    /// - Throws: ``ConversionError``, or ``AdapterError/notConvertible(_:reason:)`` for what the library has no files for;
    ///   nothing is written then.
    public func write(_ name: String, for library: Library, to folder: URL, samples: [TextInput]) throws -> Certificate
    {
        guard let task = model.tasks[name] else {
            throw PredictionError.noSuchTask(name, loaded: model.tasks.keys.sorted())
        }
        guard let bundle = task.bundle else { throw ConversionError.noAdapter(task: name) }
        precondition(!samples.isEmpty, "a certificate needs sample texts")
        let draft = try AtomicFolder(
            replacing: folder, markedBy: AdapterBundle.configName, lacking: ["config.json"])
        switch library {
        case .peft: try bundle.writeForPEFT(into: draft.draft)
        case .adapterhub: try bundle.writeForAdapterHub(into: draft.draft)
        }
        try task.head?.write(into: draft.draft)

        var other = model
        let converted = "\(name), converted"
        try other.load(converted, from: draft.draft)
        let (old, new) = (try model.embed(samples, task: name), try other.embed(samples, task: converted))
        let difference = zip(old, new).reduce(Float(0)) { largest, rows in
            zip(rows.0, rows.1).reduce(largest) { max($0, abs($1.0 - $1.1)) }
        }
        let certificate = Certificate(texts: samples.count, difference: difference, tolerance: tolerance)
        guard certificate.holds else { throw ConversionError.differs(certificate) }
        try draft.publish()
        return certificate
    }
}

/// Why an adapter was not converted.
public enum ConversionError: Error, Sendable {
    /// The task has a head alone.
    case noAdapter(task: String)
    /// The new folder does not do what the old one did.
    case differs(Conversion.Certificate)
}

extension ConversionError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .noAdapter(let task): "'\(task)' has a head and no adapter, so there is nothing to convert"
        case .differs(let certificate):
            "the converted adapter's embeddings differ by \(certificate.difference), more than the tolerance of"
                + " \(certificate.tolerance); nothing was written"
        }
    }
}
