import Encoders
import Files
import Safetensors

/// P-tuning (Liu et al. 2021) as PEFT saves it: the virtual tokens that its network gave in the end, which are a ``SoftPrompt``.
///
/// A new one starts without the network, and is prompt tuning in all but its name in PEFT's files.
public struct PTuningMethod: AdapterMethod {
    /// "p-tuning"
    public static let name = "p-tuning"
    /// "P_TUNING"
    public static let peftType = "P_TUNING"
    /// As that of the method that it is filed as.
    public static let tensorMark = PromptTuningMethod.tensorMark
    /// No: virtual tokens are before everything.
    public static let wrapsModules = false
    /// Those of PEFT that matter, in full words.
    public static let settingNames = ["tokens"]
    /// Those that PEFT's configuration of it has.
    public static let sharedFields = PromptTuningMethod.sharedFields
    /// Those honoured, and those that say how training went.
    public static let fieldNames = VirtualTokenFields.names.union([
        "encoder_reparameterization_type", "encoder_hidden_size", "encoder_num_layers", "encoder_dropout",
    ])

    private var prompt: PromptTuningMethod

    /// The virtual tokens of prompt tuning.
    public init(_ prompt: PromptTuningMethod = PromptTuningMethod()) { self.prompt = prompt }

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) {
        self.init()
        prompt.tokens = try settings.integer("tokens", default: prompt.tokens, in: 1...4096)
    }

    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) {
        self.init()
        prompt.tokens = try PromptTuningMethod(fields).tokens
    }

    /// All of them.
    public var virtualTokens: Int { prompt.tokens }

    /// The method and its size.
    public var summary: String { "P-tuning with \(prompt.tokens) tokens" }

    /// None: it is in no linear map.
    public func usualTargets(for config: EncoderConfig) -> [Projection] { [] }

    /// The virtual tokens.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        try prompt.fresh(at: sites, on: encoder, seed: seed)
    }

    /// What PEFT writes.
    public func fields() -> [String: Any] {
        ["encoder_dropout": 0, "encoder_num_layers": 2, "encoder_reparameterization_type": "MLP"]
    }

    /// The same, and what the adapters and the encoder say.
    public func fields(
        of adapters: AdapterSet, _ targets: PEFTConfiguration.Targets, on config: EncoderConfig
    ) -> [String: Any] {
        var fields = VirtualTokenFields.fields(
            count: adapters.prompt?.count ?? prompt.tokens, width: config.embeddingSize, on: config)
        fields["encoder_hidden_size"] = config.embeddingSize
        return fields.merging(self.fields()) { own, _ in own }
    }

    /// `prompt_embeddings`
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        try prompt.read(&reader, at: sites)
    }

    /// `prompt_embeddings`
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) { prompt.write(adapters, parameters, names, into: &writer) }
}
