import Files
import Foundation

/// How texts are read: what sentence-transformers keeps for its `Transformer` module, in `sentence_bert_config.json`.
struct SentenceReading {
    /// Tokens that a text is cut to (`max_seq_length`); nil: as the tokenizer's own files say.
    var maximumTokens: Int?
    /// Whether texts are lowercased before anything else (`do_lower_case`).
    var lowercases = false

    /// The names that the file has had; the first that is there counts.
    static let fileNames = ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"]
        .map { "sentence_\($0)_config.json" }

    /// Arguments for loading in Python that change no number.
    private static let harmless: Set<String> = [
        "attn_implementation", "dtype", "torch_dtype", "use_safetensors", "low_cpu_mem_usage", "add_pooling_layer",
    ]

    /// Reads the folder of a model.
    init(contentsOf folder: URL) throws(JSONFieldsError) {
        for name in SentenceReading.fileNames {
            let url = folder.appending(path: name)
            guard FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) else { continue }
            let fields = try JSONFields(contentsOf: url)
            guard !fields.names.isEmpty else { continue }
            try self.init(fields)
            return
        }
        self.init()
    }

    private init() {}

    private init(_ fields: JSONFields) throws(JSONFieldsError) {
        let arguments = ["model", "tokenizer", "config", "processor"].flatMap { ["\($0)_args", "\($0)_kwargs"] }
        try fields.checkNames(
            ["max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name"]
                + ["unpad_inputs"] + arguments)
        maximumTokens = fields.value("max_seq_length") == nil ? nil : try fields.positive("max_seq_length")
        lowercases = try fields.flag("do_lower_case", default: false)
        _ = try fields.choice("transformer_task", default: "feature-extraction", of: [("feature-extraction", ())])
        _ = try fields.choice("module_output_name", default: "token_embeddings", of: [("token_embeddings", ())])
        try checkModality(fields)
        for name in arguments {
            guard let found = fields.value(name) else { continue }
            guard let values = found as? [String: Any] else { throw fields.invalid(name, found, "an object") }
            for (argument, value) in values where !SentenceReading.harmless.contains(argument) {
                throw fields.invalid("\(name).\(argument)", value, "no such argument")
            }
        }
    }

    /// Texts go through the encoder's last hidden states.
    private func checkModality(_ fields: JSONFields) throws(JSONFieldsError) {
        guard let found = fields.value("modality_config") else { return }
        let text = (found as? [String: Any])?["text"] as? [String: Any]
        guard text?["method"] as? String == "forward", text?["method_output_name"] as? String == "last_hidden_state"
        else { throw fields.invalid("modality_config", found, "a text that goes 'forward' to 'last_hidden_state'") }
    }
}
