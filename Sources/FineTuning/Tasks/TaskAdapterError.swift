import Adapters
import Files

/// What can be wrong with the folder of a task.
public enum TaskAdapterError: Error, Sendable {
    /// There is no such folder.
    case noSuchFolder(folder: String)
    /// There are adapter weights without the configuration that says where they belong.
    case missingConfiguration(folder: String)
    /// Neither PEFT's files nor a head are there.
    case notAnAdapterFolder(folder: String)
    /// The adapter's files.
    case adapter(AdapterError)
    /// The head's files.
    case head(HeadError)
    /// A file could not be written.
    case files(FilesError)
    /// What is to be written is several adapters at work at once, or one with a weight.
    case notOfOneFolder(folder: String)
}

extension TaskAdapterError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .notAnAdapterFolder(let folder):
            "\(folder) is no adapter folder: it has neither adapter_config.json nor head_config.json;"
                + " name one that graft train or PEFT wrote"
        case .noSuchFolder(let folder):
            "there is no folder \(folder); an adapter folder is one that graft train or PEFT wrote"
        case .missingConfiguration(let folder):
            "\(folder) has adapter_model.safetensors but no adapter_config.json, which says where its tensors belong;"
                + " put it back, or train again"
        case .adapter(let error): "\(error)"
        case .head(let error): "\(error)"
        case .files(let error): "\(error)"
        case .notOfOneFolder(let folder):
            "nothing was written to \(folder): the task is several adapters at work at once, or one with a weight;"
                + " make one adapter of them with graft combine"
        }
    }
}
