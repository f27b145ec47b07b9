import Files
import Safetensors

/// What can be wrong with a training run's checkpoint.
public enum TrainingCheckpointError: Error, Sendable, Equatable {
    /// There is none to go on from.
    case missing(file: String)
    /// The run is done: the folder holds what it came to.
    case finished(folder: String)
    /// The file is no whole safetensors file, or cannot be read or written.
    case tensors(SafetensorsError)
    /// The file's folder could not be made.
    case files(FilesError)
    /// A safetensors file that is no checkpoint, or one of another version of Graft; found nil where nothing is said.
    case otherFormat(file: String, found: String?, expected: String)
    /// Its content is not what was written.
    case damaged(file: String, found: String, expected: String)
    /// It is whole, but of a run with other settings or data.
    case otherRun(file: String, [Difference])

    /// Something in which the run of the checkpoint and the one that is to go on differ.
    public struct Difference: Sendable, Equatable {
        /// What: "seed".
        public let name: String
        /// What the checkpoint says, and what the run at hand has.
        public let found, expected: String
    }
}

extension TrainingCheckpointError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .missing(let file):
            "there is no checkpoint at \(file) to resume from (a run that finished has removed its own); start without"
                + " resuming"
        case .finished(let folder): "this run has finished: \(folder) holds what it came to"
        case .tensors(let error): "\(error)"
        case .files(let error): "\(error)"
        case .otherFormat(let file, let found, let expected):
            "\(file) is \(found.map { "a checkpoint of format '\($0)'" } ?? "no checkpoint of a training run"),"
                + " expected format '\(expected)'; start without resuming"
        case .damaged(let file, let found, let expected):
            "\(file) is damaged: found \(found), expected \(expected); start without resuming"
        case .otherRun(let file, let differences):
            "\(file) is the checkpoint of another run: "
                + differences.map { "\($0.name) is \($0.found) there, \($0.expected) here" }.joined(separator: "; ")
                + "; resume with the same settings and data, or start without resuming"
        }
    }
}
