import Encoders
import Files
import Matrices
import Safetensors

/// LoHa (``LoHa``), as PEFT files it.
public struct LoHaMethod: AdapterMethod {
    /// "loha"
    public static let name = "loha"
    /// "LOHA"
    public static let peftType = "LOHA"
    /// ".hada_"
    public static let tensorMark = ".hada_"
    /// Those of PEFT that matter, in full words.
    public static let settingNames = ["rank", "alpha", "dropout", "module_dropout"]
    /// Those that PEFT's configuration of it has.
    public static let sharedFields: Set<PEFTConfiguration.SharedField> = [.targets, .excluded, .layers]
    /// `use_effective_conv2d` is about convolutions, which encoders have none of.
    public static let fieldNames: Set<String> = UpdateSettings.fieldNames.union(["use_effective_conv2d"])

    /// Rank, scale and dropout.
    public var settings: UpdateSettings

    /// LoHa with PEFT's settings.
    public init(_ settings: UpdateSettings = UpdateSettings()) {
        self.settings = settings
        self.settings.dropout.scalesKept = true
    }

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) { self.init(try UpdateSettings(settings)) }

    /// The method and its size.
    public var summary: String { "LoHa of rank \(settings.rank) (alpha \(settings.alpha.plainText))" }

    /// An update at each site, three factors random and the last zero.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let patterns = ModulePatterns(for: encoder.config, prefix: "", file: AdapterBundle.configName)
        return AdapterSet.started(try adapters(at: sites, patterns, on: encoder), seed: seed)
    }

    private func adapters(
        at sites: [Site], _ patterns: ModulePatterns, on encoder: TransformerEncoder
    ) throws(AdapterError) -> [Site: LoHa] {
        try settings.map(sites, patterns, on: encoder.config) { name, inputs, outputs, rank, scale in
            LoHa(
                name: name, inputs: inputs, outputs: outputs, rank: rank, scale: scale, dropout: settings.dropout)
        }
    }
}

// MARK: PEFT's files

extension LoHaMethod {
    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) { self.init(try UpdateSettings(fields)) }

    /// What PEFT writes.
    public func fields() -> [String: Any] { settings.fields() }

    /// `hada_w1_a` and the like of each site.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let linear = try adapters(at: sites, reader.patterns, on: reader.encoder)
        return try reader.read(linear, LoHaMethod.tensors)
    }

    /// `hada_w1_a` and the like of each site.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        writer.add(adapters, parameters, names) { ($0 as? LoHa).map(LoHaMethod.tensors) }
    }

    private static func tensors(_ adapter: LoHa) -> [AdapterTensor] {
        [
            AdapterTensor(".hada_w1_a", adapter.a1), AdapterTensor(".hada_w1_b", adapter.b1),
            AdapterTensor(".hada_w2_a", adapter.a2), AdapterTensor(".hada_w2_b", adapter.b2),
        ]
    }
}
