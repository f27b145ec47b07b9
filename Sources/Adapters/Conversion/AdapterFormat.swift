/// The formats in which adapters are kept.
public enum AdapterFormat: String, Sendable, CaseIterable {
    /// PEFT's folder: `adapter_config.json` and `adapter_model.safetensors`.
    case peft
    /// The folder of AdapterHub's library: `adapter_config.json` and `adapter.safetensors`.
    case adapterhub
    /// The folder of mlx-lm and mlx-swift: `adapter_config.json` and `adapters.safetensors`.
    case mlx
    /// llama.cpp's single file.
    case gguf

    /// What people call it.
    public var title: String {
        switch self {
        case .peft: "PEFT"
        case .adapterhub: "AdapterHub"
        case .mlx: "mlx"
        case .gguf: "GGUF"
        }
    }

    /// Whether it is one file, and no folder.
    public var isFile: Bool { self == .gguf }

    /// Whether the head of a task has a place beside the adapter.
    public var keepsHeads: Bool { self == .peft || self == .adapterhub }
}
