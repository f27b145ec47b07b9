import Encoders
import Files

/// What PEFT's configurations of methods with virtual tokens have in common: the model's extents as PEFT takes them.
enum VirtualTokenFields {
    static let names: Set<String> = [
        "num_virtual_tokens", "token_dim", "num_attention_heads", "num_layers", "num_transformer_submodules",
    ]

    /// How many virtual tokens there are.
    static func count(_ fields: JSONFields) throws(JSONFieldsError) -> Int {
        let count = try fields.positive("num_virtual_tokens")
        let submodules = try fields.positive("num_transformer_submodules", default: 1)
        try fields.check("num_transformer_submodules", submodules, "1, an encoder", submodules == 1)
        return count
    }

    /// The fields for an encoder; `width` is that of a virtual token.
    static func fields(count: Int, width: Int, on config: EncoderConfig) -> [String: Any] {
        [
            "num_attention_heads": config.heads, "num_layers": config.layers, "num_transformer_submodules": 1,
            "num_virtual_tokens": count, "token_dim": width,
        ]
    }

    /// Refuses so many virtual tokens that none of a text's own has a place.
    static func check(_ count: Int, on config: EncoderConfig, name: String = "tokens") throws(AdapterError) {
        guard count < config.maximumPositions else {
            throw .invalidSetting(
                name, found: "\(count)", expected: "fewer than \(config.maximumPositions), the encoder's positions")
        }
    }
}
