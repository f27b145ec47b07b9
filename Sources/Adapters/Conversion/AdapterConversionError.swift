import Files
import Safetensors

/// Why an adapter cannot be converted.
public enum AdapterConversionError: Error, Sendable {
    /// Something that the format has no place for.
    case notLowRank(part: String, found: String, format: AdapterFormat)
    /// A method that is more than changes of linear maps, norms and tables, where the format keeps LoRA.
    case notOfLinearMaps(found: String, format: AdapterFormat)
    /// llama.cpp has no architecture for the family.
    case noArchitecture(family: String, known: [String])
    /// The file is for another architecture than the encoder's.
    case otherArchitecture(file: String, found: String, expected: String)
    /// A file or folder that is in none of the formats.
    case unknownFormat(path: String)
    /// A tensor of which the other half is missing.
    case missingTensor(file: String, tensor: String)
    /// A tensor that belongs to no linear map of the encoder; `nearest` is the most similar name that does.
    case unexpectedTensor(file: String, tensor: String, nearest: String?)
    /// A tensor of another shape than the encoder asks for.
    case wrongShape(file: String, tensor: String, found: [Int], expected: String)
    /// There is no tensor at all.
    case empty(file: String)
    /// The adapter was trained on another base.
    case otherBase(file: String, found: String, expected: String)
    /// What was written reads back as something else.
    case notTheSame(file: String, difference: Float)
    /// The configuration.
    case configuration(JSONFieldsError)
    /// The file of tensors.
    case weights(SafetensorsError)
    /// The GGUF file.
    case gguf(GGUFError)
    /// The folder of PEFT or AdapterHub's library.
    case adapter(AdapterError)
    /// The system refused.
    case files(FilesError)
}

extension AdapterConversionError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .notLowRank(let part, let found, let format):
            "\(part) is \(found), \(AdapterConversionError.noPlace(format));"
                + " make a plain LoRA of the adapter with graft combine, or merge it"
        case .notOfLinearMaps(let found, let format):
            "the adapter is \(found), \(AdapterConversionError.noPlace(format))"
        case .noArchitecture(let family, let known):
            "llama.cpp has no architecture for encoders of the family \(family); it has \(known.joined(separator: ", "))"
        case .otherArchitecture(let file, let found, let expected):
            "\(file) is for the architecture '\(found)', the encoder's is '\(expected)'; name the model that it was made for"
        case .unknownFormat(let path):
            "\(path) is no adapter in a known format: a folder with adapter_model.safetensors (PEFT), adapter.safetensors"
                + " (AdapterHub) or adapters.safetensors (mlx), or a .gguf file"
        case .missingTensor(let file, let tensor):
            "\(file) has no tensor '\(tensor)', which belongs to another that is there"
        case .unexpectedTensor(let file, let tensor, let nearest):
            "\(file) has the tensor '\(tensor)', which belongs to no linear map of this encoder"
                + (nearest.map { "; the nearest is '\($0)'" } ?? "")
        case .wrongShape(let file, let tensor, let found, let expected):
            "\(file): tensor '\(tensor)' has shape \(found), expected \(expected)"
        case .empty(let file): "\(file) has no adapter in it: there is no tensor"
        case .otherBase(let file, let found, let expected):
            "\(file) was made for a base with fingerprint \(expected.prefix(16))…, this model has \(found.prefix(16))…;"
                + " use the model it was made for, or --allow-other-base"
        case .notTheSame(let file, let difference):
            "\(file) reads back with numbers that differ by up to \(difference), so it was not kept; the disk may be failing"
        case .configuration(let error): "\(error)"
        case .weights(let error): "\(error)"
        case .gguf(let error): "\(error)"
        case .adapter(let error): "\(error)"
        case .files(let error): "\(error)"
        }
    }

    /// What a format that is not a library's own keeps.
    private static func noPlace(_ format: AdapterFormat) -> String {
        "which \(format.title) has no place for: it keeps \(format == .mlx ? "LoRA and DoRA" : "plain LoRA") of linear maps alone"
    }
}
