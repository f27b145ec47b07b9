import Encoders
import Files
import Safetensors

/// LoRA (``LoRA``), as PEFT files it.
public struct LoRAMethod: AdapterMethod {
    /// "lora"
    public static let name = "lora"
    /// "LORA"
    public static let peftType = "LORA"
    /// ".lora_"
    public static let tensorMark = ".lora_"
    /// Those of PEFT that matter, in full words.
    public static let settingNames = ["rank", "alpha", "rank_stabilized", "dropout"]

    /// Rank of the low-rank update: `r`.
    public var rank: Int
    /// Numerator of its scale: `lora_alpha`.
    public var alpha: Float
    /// Scale by alpha / √rank and not alpha / rank: `use_rslora`.
    public var isRankStabilized: Bool
    /// Share of the input dropped on the low-rank path in training: `lora_dropout`.
    public var dropoutRate: Float
    /// `rank_pattern`: the rank of the modules that a pattern matches.
    public var rankPattern: [String: Int] = [:]
    /// `alpha_pattern`: the alpha of the modules that a pattern matches.
    public var alphaPattern: [String: Float] = [:]

    /// LoRA with the field's usual settings: rank 8, alpha 16.
    public init(rank: Int = 8, alpha: Float = 16, isRankStabilized: Bool = false, dropoutRate: Float = 0) {
        (self.rank, self.alpha) = (rank, alpha)
        (self.isRankStabilized, self.dropoutRate) = (isRankStabilized, dropoutRate)
    }

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) {
        self.init()
        rank = try settings.integer("rank", default: rank, in: 1...4096)
        alpha = try settings.positive("alpha", default: alpha)
        isRankStabilized = try settings.flag("rank_stabilized", default: false)
        dropoutRate = try settings.number("dropout", default: 0, in: 0...0.99)
    }

    /// "LoRA of rank 8 (alpha 16)"
    public var summary: String { "LoRA of rank \(rank) (alpha \(alpha.plainText))" }

    /// A LoRA at each site, A random and B zero.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let patterns = ModulePatterns(for: encoder.config, prefix: "", file: AdapterBundle.configName)
        let linear = try adapters(at: sites, patterns, on: encoder)
        let adapters = AdapterSet(linear)
        var parameters = ParameterVector(adapters.parameters)
        for adapter in linear.values { adapter.initialize(&parameters, seed: seed) }
        return (adapters, parameters)
    }

    /// The adapter of each site, with its rank and scale.
    private func adapters(
        at sites: [Site], _ patterns: ModulePatterns, on encoder: TransformerEncoder
    ) throws(AdapterError) -> [Site: LoRA] {
        let ranks = try patterns.values(rankPattern, field: "rank_pattern", among: sites)
        let alphas = try patterns.values(alphaPattern, field: "alpha_pattern", among: sites)
        var linear: [Site: LoRA] = [:]
        for site in sites {
            guard let (inputs, outputs) = encoder.config.extents(of: site.projection) else { continue }
            let (rank, alpha) = (ranks[site] ?? rank, alphas[site] ?? alpha)
            linear[site] = LoRA(
                name: site.description, inputs: inputs, outputs: outputs, rank: rank,
                scale: alpha / (isRankStabilized ? Float(rank).squareRoot() : Float(rank)), dropoutRate: dropoutRate)
        }
        return linear
    }
}

// MARK: PEFT's files

extension LoRAMethod {
    /// Those honoured, and those that say how training went.
    public static let fieldNames: Set<String> = [
        "r", "lora_alpha", "lora_dropout", "use_rslora", "rank_pattern", "alpha_pattern", "corda_config", "enable_lora",
        "ensure_weight_tying", "eva_config", "init_lora_weights", "loftq_config", "lora_ga_config", "megatron_core",
        "merge_weights", "qalora_group_size", "velora_config",
    ]

    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) {
        do {
            self.init(
                rank: try fields.positive("r", default: 8),
                alpha: try fields.number("lora_alpha", default: 8, in: -1e9...1e9),
                isRankStabilized: try fields.flag("use_rslora", default: false),
                dropoutRate: try fields.number("lora_dropout", default: 0, in: 0...0.99))
            rankPattern = try fields.numbers("rank_pattern").mapValues { Int($0) }
            alphaPattern = try fields.numbers("alpha_pattern").mapValues { Float($0) }
        } catch { throw .configuration(error) }
        // The others subtract their start from the base weights, which the folder does not hold.
        let starts = ["true", "false", "gaussian", "eva", "orthogonal"]
        if let value = fields.value("init_lora_weights") {
            let text = (value as? String) ?? (value as? Bool).map { $0 ? "true" : "false" } ?? "\(value)"
            guard starts.contains(text) else {
                throw .unsupportedField(
                    file: fields.file, field: "init_lora_weights", found: text,
                    expected: starts.joined(separator: ", "))
            }
        }
    }

    /// The keys that every version of PEFT knows, and of the others those that are not at their default: versions before 0.13
    /// refuse keys that they do not know.
    public func fields() -> [String: Any] {
        var fields: [String: Any] = [
            "fan_in_fan_out": false, "init_lora_weights": true, "lora_alpha": PEFTConfiguration.plain(alpha),
            "lora_dropout": PEFTConfiguration.plain(dropoutRate), "r": rank,
        ]
        if isRankStabilized { fields["use_rslora"] = true }
        if !rankPattern.isEmpty { fields["rank_pattern"] = rankPattern }
        if !alphaPattern.isEmpty { fields["alpha_pattern"] = alphaPattern.mapValues(PEFTConfiguration.plain) }
        return fields
    }

    /// `lora_A.weight` and `lora_B.weight` of each site.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let linear = try adapters(at: sites, reader.patterns, on: reader.encoder)
        let adapters = AdapterSet(linear)
        var values = ParameterVector(adapters.parameters)
        for site in adapters.sites {
            guard let lora = linear[site] else { continue }
            let module = reader.peftNames.module(site)
            values[lora.a] = try reader.read(module + ".lora_A.weight", shape: [lora.a.rows, lora.a.columns])
            values[lora.b] = try reader.read(module + ".lora_B.weight", shape: [lora.b.rows, lora.b.columns])
        }
        return (adapters, values)
    }

    /// `lora_A.weight` and `lora_B.weight` of each site.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        for site in adapters.sites {
            guard let lora = adapters.linear[site]?.proper as? LoRA else { continue }
            for (name, parameter) in [(".lora_A.weight", lora.a), (".lora_B.weight", lora.b)] {
                writer.add(
                    names.module(site) + name, shape: [parameter.rows, parameter.columns],
                    floats: parameters[parameter].values)
            }
        }
    }
}

extension Float {
    /// The shortest decimal, without a fraction where there is none.
    package var plainText: String { Int(exactly: self).map(String.init) ?? "\(self)" }
}
