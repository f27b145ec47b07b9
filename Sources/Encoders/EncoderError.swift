import Files
import Safetensors

/// What can be wrong with a model folder.
public enum EncoderError: Error, Sendable {
    /// A JSON file of the folder is wrong.
    case configuration(JSONFieldsError)
    /// The checkpoint lacks a tensor; `nearest` is the most similar name it has.
    case missingTensor(folder: String, tensor: String, nearest: String?)
    /// A tensor has another shape than the config says.
    case wrongShape(folder: String, tensor: String, found: [Int], expected: [Int])
    /// A tensor of the encoder holds no floating-point numbers.
    case notFloatingPoint(folder: String, tensor: String, found: String)
    /// The weights of a module hold a tensor that it does not have.
    case unexpectedTensor(folder: String, tensor: String, expected: [String])
    /// The weights file itself is wrong.
    case checkpoint(SafetensorsError)
}

extension EncoderError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .configuration(let error): "\(error); a model folder is one that Hugging Face transformers wrote"
        case .missingTensor(let folder, let tensor, let nearest):
            "\(folder) has no tensor '\(tensor)'" + (nearest.map { "; the nearest is '\($0)'" } ?? "")
        case .wrongShape(let folder, let tensor, let found, let expected):
            "\(folder): tensor '\(tensor)' has shape \(found), config.json asks for \(expected)"
        case .notFloatingPoint(let folder, let tensor, let found):
            "\(folder): tensor '\(tensor)' is of type \(found), expected F64, F32, F16 or BF16"
        case .unexpectedTensor(let folder, let tensor, let expected):
            "\(folder) has the tensor '\(tensor)', expected only \(expected.joined(separator: " and "))"
        case .checkpoint(let error): "\(error)"
        }
    }
}
