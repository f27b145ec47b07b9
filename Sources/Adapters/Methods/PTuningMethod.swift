import Encoders
import Files
import Safetensors

/// P-tuning (Liu et al. 2021) as PEFT saves it: the virtual tokens that its network gave in the end, which are a ``SoftPrompt``.
///
/// A new one starts without the network, and is prompt tuning in all but its name in PEFT's files.
public struct PTuningMethod: AdapterMethod {
    public static let name = "p-tuning"
    public static let peftType = "P_TUNING"
    public static let tensorMark = PromptTuningMethod.tensorMark
    public static let wrapsModules = false
    public static let settingNames = ["tokens"]
    public static let sharedFields = PromptTuningMethod.sharedFields
    public static let fieldNames = VirtualTokenFields.names.union([
        "encoder_reparameterization_type", "encoder_hidden_size", "encoder_num_layers", "encoder_dropout",
    ])

    private var prompt: PromptTuningMethod

    /// The virtual tokens of prompt tuning.
    public init(_ prompt: PromptTuningMethod = PromptTuningMethod()) { self.prompt = prompt }

    public init(_ settings: MethodSettings) throws(AdapterError) {
        self.init()
        prompt.tokens = try settings.integer("tokens", default: prompt.tokens, in: 1...4096)
    }

    public init(_ fields: JSONFields) throws(AdapterError) {
        self.init()
        prompt.tokens = try PromptTuningMethod(fields).tokens
    }

    public var summary: String { "P-tuning with \(prompt.tokens) tokens" }

    /// None: it is in no linear map.
    public func usualTargets(for config: EncoderConfig) -> [Projection] { [] }

    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        try prompt.fresh(at: sites, on: encoder, seed: seed)
    }

    public func fields() -> [String: Any] {
        ["encoder_dropout": 0, "encoder_num_layers": 2, "encoder_reparameterization_type": "MLP"]
    }

    public func fields(
        of adapters: AdapterSet, _ targets: PEFTConfiguration.Targets, on config: EncoderConfig
    ) -> [String: Any] {
        var fields = VirtualTokenFields.fields(
            count: adapters.prompt?.count ?? prompt.tokens, width: config.embeddingSize, on: config)
        fields["encoder_hidden_size"] = config.embeddingSize
        return fields.merging(self.fields()) { own, _ in own }
    }

    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        try prompt.read(&reader, at: sites)
    }

    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) { prompt.write(adapters, parameters, names, into: &writer) }
}
