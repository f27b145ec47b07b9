import Files
import Safetensors

/// What can be wrong with the head's files.
public enum HeadError: Error, Sendable {
    /// `head_config.json`.
    case configuration(JSONFieldsError)
    /// `head.safetensors` in itself.
    case weights(SafetensorsError)
    /// A tensor of no layer of the head.
    case unexpectedTensor(file: String, tensor: String, expected: [String])
    /// A tensor that does not fit the labels or the encoder.
    case wrongShape(file: String, tensor: String, found: [Int], expected: [Int])
    /// The checkpoint of a task model lacks a tensor of its head; `nearest` is the most similar name it has.
    case missingTensor(folder: String, tensor: String, nearest: String?)
    /// The model folder has a head for what Graft has none for.
    case unsupportedObjective(file: String, architecture: String, objective: Objective)
    /// The model folder has no head.
    case noHead(folder: String)
    /// A file could not be written.
    case files(FilesError)
}

extension HeadError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .configuration(let error): "\(error)"
        case .weights(let error): "\(error)"
        case .unexpectedTensor(let file, let tensor, let expected):
            "\(file) has the tensor '\(tensor)', expected only \(expected.map { "'\($0)'" }.joined(separator: ", "))"
        case .wrongShape(let file, let tensor, let found, let expected):
            "\(file): tensor '\(tensor)' has shape \(found), the labels and the encoder ask for \(expected)"
        case .missingTensor(let folder, let tensor, let nearest):
            "\(folder) has no tensor '\(tensor)', which the head that config.json names ends in or goes through"
                + (nearest.map { "; the nearest is '\($0)'" } ?? "")
        case .unsupportedObjective(let file, let architecture, let objective):
            "\(file): the \(architecture) has a head for \(objective.rawValue), which this version does not run;"
                + " it runs those for classification and tagging"
        case .noHead(let folder):
            "\(folder) has no head of its own: its config.json names no ForSequenceClassification and no"
                + " ForTokenClassification; train a head that starts anew (--head linear or transformers)"
        case .files(let error): "\(error)"
        }
    }
}
