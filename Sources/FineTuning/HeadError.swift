import Files
import Safetensors

/// What can be wrong with the head's files.
public enum HeadError: Error, Sendable {
    /// `head_config.json`.
    case configuration(JSONFieldsError)
    /// `head.safetensors` in itself.
    case weights(SafetensorsError)
    /// A tensor other than `weight` and `bias`.
    case unexpectedTensor(file: String, tensor: String)
    /// A tensor that does not fit the labels or the encoder.
    case wrongShape(file: String, tensor: String, found: [Int], expected: [Int])
    /// A file could not be written.
    case files(FilesError)
}

extension HeadError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .configuration(let error): "\(error)"
        case .weights(let error): "\(error)"
        case .unexpectedTensor(let file, let tensor):
            "\(file) has the tensor '\(tensor)', expected only 'weight' and 'bias'"
        case .wrongShape(let file, let tensor, let found, let expected):
            "\(file): tensor '\(tensor)' has shape \(found), the labels and the encoder ask for \(expected)"
        case .files(let error): "\(error)"
        }
    }
}
