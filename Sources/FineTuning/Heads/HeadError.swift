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
    /// A tensor with numbers that are infinite or none.
    case notFinite(file: String, tensor: String, count: Int)
    /// The checkpoint of a task model lacks a tensor of its head; `nearest` is the most similar name it has.
    case missingTensor(folder: String, tensor: String, nearest: String?)
    /// A head of layers is asked for where what is learned has none.
    case noLayers(choice: HeadChoice, objective: Objective)
    /// The head was trained on another pooling than that of the model folder, whose embeddings it is about.
    case otherPooling(folder: String, found: String, expected: String)
    /// The model folder has no head.
    case noHead(folder: String)
    /// A file could not be written.
    case files(FilesError)
}

extension HeadError {
    /// Refuses a tensor of a file that has numbers which are infinite or none.
    static func checkFinite(_ values: [Float], file: String, tensor: String) throws(HeadError) {
        guard !values.allSatisfy(\.isFinite) else { return }
        throw .notFinite(file: file, tensor: tensor, count: values.count { !$0.isFinite })
    }
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
        case .notFinite(let file, let tensor, let count):
            "\(file): tensor '\(tensor)' has \(count == 1 ? "1 number" : "\(count) numbers") infinite or not a number, expected"
                + " finite ones alone; the head is broken, so train it again or take another copy of it"
        case .missingTensor(let folder, let tensor, let nearest):
            "\(folder) has no tensor '\(tensor)', which the head that config.json names ends in or goes through"
                + (nearest.map { "; the nearest is '\($0)'" } ?? "")
        case .noLayers(let choice, let objective):
            "a head of the kind \(choice.rawValue) has layers, and \(objective.rawValue) is told from the embeddings themselves;"
                + " leave --head out"
        case .otherPooling(let folder, let found, let expected):
            "\(folder) was trained on embeddings pooled by \(expected), the model pools by \(found);"
                + " use the model folder that it was trained on"
        case .noHead(let folder):
            "\(folder) has no head of its own: its config.json names no ForSequenceClassification and no"
                + " ForTokenClassification; train a head that starts anew (--head linear or transformers)"
        case .files(let error): "\(error)"
        }
    }
}
