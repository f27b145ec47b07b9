import Encoders
import Files
import Matrices
import Safetensors

/// LoKr (``LoKr``), as PEFT files it.
public struct LoKrMethod: AdapterMethod {
    /// "lokr"
    public static let name = "lokr"
    /// "LOKR"
    public static let peftType = "LOKR"
    /// ".lokr_"
    public static let tensorMark = ".lokr_"
    /// Those of PEFT that matter, in full words.
    public static let settingNames = [
        "rank", "alpha", "dropout", "dropout_scales", "module_dropout", "factor", "decompose_both",
    ]
    /// Those that PEFT's configuration of it has.
    public static let sharedFields: Set<PEFTConfiguration.SharedField> = [.targets, .excluded, .layers]
    /// `use_effective_conv2d` is about convolutions, which encoders have none of.
    public static let fieldNames: Set<String> = UpdateSettings.fieldNames.union([
        "use_effective_conv2d", "decompose_both", "decompose_factor", "rank_dropout_scale",
    ])

    /// Rank, scale and dropout.
    public var settings: UpdateSettings
    /// Whether the left side is a product too: `decompose_both`.
    public var decomposesBoth: Bool
    /// What extents are divided by, nil for divisors near their square roots: `decompose_factor`.
    public var factor: Int?

    /// LoKr with PEFT's settings.
    public init(_ settings: UpdateSettings = UpdateSettings(), decomposesBoth: Bool = false, factor: Int? = nil) {
        (self.settings, self.decomposesBoth, self.factor) = (settings, decomposesBoth, factor)
    }

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) {
        self.init(
            try UpdateSettings(settings), decomposesBoth: try settings.flag("decompose_both", default: false),
            factor: try settings["factor"] == nil ? nil : settings.integer("factor", default: 1, in: 1...65_536))
        self.settings.dropout.scalesKept = try settings.flag("dropout_scales", default: false)
    }

    /// The method and its size.
    public var summary: String { "LoKr of rank \(settings.rank) (alpha \(settings.alpha.plainText))" }

    /// An update at each site, random but for the left side, which is zero.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let patterns = ModulePatterns(for: encoder.config, prefix: "", file: AdapterBundle.configName)
        return AdapterSet.started(try adapters(at: sites, patterns, on: encoder), seed: seed)
    }

    private func adapters(
        at sites: [Site], _ patterns: ModulePatterns, on encoder: TransformerEncoder
    ) throws(AdapterError) -> [Site: LoKr] {
        try settings.map(sites, patterns, on: encoder.config) { name, inputs, outputs, rank, scale in
            LoKr(
                name: name, inputs: inputs, outputs: outputs, rank: rank, scale: scale,
                decomposesBoth: decomposesBoth, factor: factor, dropout: settings.dropout)
        }
    }
}

// MARK: PEFT's files

extension LoKrMethod {
    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) {
        self.init(try UpdateSettings(fields))
        do {
            decomposesBoth = try fields.flag("decompose_both", default: false)
            let found = try fields.number("decompose_factor", default: -1, in: -1...65_536)
            factor = found == -1 ? nil : Int(found)
            settings.dropout.scalesKept = try fields.flag("rank_dropout_scale", default: false)
        } catch { throw .configuration(error) }
    }

    /// What PEFT writes.
    public func fields() -> [String: Any] {
        var fields = settings.fields()
        fields["decompose_both"] = decomposesBoth
        fields["decompose_factor"] = factor ?? -1
        fields["rank_dropout_scale"] = settings.dropout.scalesKept
        return fields
    }

    /// `lokr_w1` and `lokr_w2`, or their factors, of each site.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        try reader.read(try adapters(at: sites, reader.patterns, on: reader.encoder), LoKrMethod.tensors)
    }

    /// `lokr_w1` and `lokr_w2`, or their factors, of each site.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        writer.add(adapters, parameters, names) { ($0 as? LoKr).map(LoKrMethod.tensors) }
    }

    private static func tensors(_ adapter: LoKr) -> [AdapterTensor] {
        func side(_ name: String, _ factor: LoKr.Factor) -> [AdapterTensor] {
            switch factor {
            case .whole(let whole): [AdapterTensor(name, whole)]
            case .product(let a, let b): [AdapterTensor(name + "_a", a), AdapterTensor(name + "_b", b)]
            }
        }
        return side(".lokr_w1", adapter.left) + side(".lokr_w2", adapter.right)
    }
}
