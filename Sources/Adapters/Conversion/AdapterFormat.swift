/// The formats in which LoRA adapters are kept.
public enum AdapterFormat: String, Sendable, CaseIterable {
    /// PEFT's folder: `adapter_config.json` and `adapter_model.safetensors`.
    case peft
    /// The folder of mlx-lm and mlx-swift: `adapter_config.json` and `adapters.safetensors`.
    case mlx
    /// llama.cpp's single file.
    case gguf
}
