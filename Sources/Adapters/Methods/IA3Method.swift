import Encoders
import Files
import Matrices
import Safetensors

/// (IA)³ (``IA3``), as PEFT files it.
///
/// Factors are of the outputs, but for maps that lead out of a block: there they are of the inputs. PEFT's own targets for BERT
/// and its like name `output.dense`, which is the ending of two modules, behind attention and behind the feed-forward block; so
/// both are targets, and both lead out of a block.
public struct IA3Method: AdapterMethod {
    /// "ia3"
    public static let name = "ia3"
    /// "IA3"
    public static let peftType = "IA3"
    /// ".ia3_"
    public static let tensorMark = ".ia3_"
    /// There are none.
    public static let settingNames: [String] = []
    /// Those that PEFT's configuration of it has.
    public static let sharedFields: Set<PEFTConfiguration.SharedField> = [.targets, .excluded]
    /// Those honoured, and those that say how training went.
    public static let fieldNames: Set<String> = ["feedforward_modules", "init_ia3_weights"]

    /// `feedforward_modules` of a folder that was read; nil: by what the maps are.
    private var feedForward: PEFTConfiguration.Targets?

    /// (IA)³ has no settings.
    public init() {}

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) { self.init() }

    /// Always, for there are no settings: the adapters know which factors they have.
    public static func == (left: IA3Method, right: IA3Method) -> Bool { true }

    /// The method and its size.
    public var summary: String { "(IA)³" }

    /// PEFT's where it knows the family, and the like for others: keys, values, and the way out of the feed-forward block.
    public func usualTargets(for config: EncoderConfig) -> [Projection] {
        if config.isAttentionFused { return [.queryKeyValue, .output] }
        let target = config.names.target(of: .output)
        let hitsAttention = config.names.module(of: .attentionOutput).hasSuffix("." + target)
        return [.key, .value] + (hitsAttention ? [.attentionOutput] : []) + [.output]
    }

    /// Factors of 1 at each site.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let linear = adapters(at: sites, on: encoder.config) { IA3Method.leadsOut($0.projection) }
        let adapters = AdapterSet(linear)
        var parameters = ParameterVector(adapters.parameters)
        for adapter in linear.values { adapter.initialize(&parameters) }
        return (adapters, parameters)
    }

    private static func leadsOut(_ projection: Projection) -> Bool {
        projection == .attentionOutput || projection == .output
    }

    private func adapters(
        at sites: [Site], on config: EncoderConfig, scalesInput: (Site) -> Bool
    ) -> [Site: IA3] {
        var linear: [Site: IA3] = [:]
        for site in sites {
            guard let (inputs, outputs) = config.extents(of: site.projection) else { continue }
            linear[site] = IA3(
                name: site.description, inputs: inputs, outputs: outputs, scalesInput: scalesInput(site))
        }
        return linear
    }
}

// MARK: PEFT's files

extension IA3Method {
    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) {
        self.init()
        do {
            if let names = fields.value("feedforward_modules") as? [String], names.isEmpty {
                feedForward = .nothing
            } else {
                feedForward = try PEFTConfiguration.targets("feedforward_modules", fields)
            }
        } catch { throw .configuration(error) }
    }

    /// What PEFT writes.
    public func fields() -> [String: Any] { ["fan_in_fan_out": false, "init_ia3_weights": true] }

    /// `feedforward_modules` has to be some of the targets.
    public func fields(
        of adapters: AdapterSet, _ targets: PEFTConfiguration.Targets, on config: EncoderConfig
    ) -> [String: Any] {
        var fields = fields()
        if let feedForward, feedForward.isPart(of: targets) {
            fields["feedforward_modules"] = feedForward == .nothing ? [String]() : feedForward.value
            return fields
        }
        let scaled = adapters.sites.filter { (adapters.linear[$0]?.proper as? IA3)?.scalesInput ?? false }
        let modules = scaled.map { config.names.module(of: $0) }
        fields["feedforward_modules"] = targets.names.filter { target in
            modules.contains { $0 == target || $0.hasSuffix("." + target) }
        }
        return fields
    }

    /// `ia3_l` of each site.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let scalesInput = try scaling(reader)
        let linear = adapters(at: sites, on: reader.encoder.config, scalesInput: scalesInput)
        let adapters = AdapterSet(linear)
        var values = ParameterVector(adapters.parameters)
        for site in adapters.sites {
            guard let adapter = linear[site] else { continue }
            let count = adapter.factors.columns
            let found = try reader.read(
                reader.peftNames.module(site) + ".ia3_l", shape: adapter.scalesInput ? [1, count] : [count, 1])
            values[adapter.factors] = found.reshaped(rows: 1, columns: count)
        }
        return (adapters, values)
    }

    /// Whether the factors of a site are of its inputs, as PEFT decides it: by the ending of the module's name.
    private func scaling(_ reader: AdapterReader) throws(AdapterError) -> (Site) -> Bool {
        let patterns = reader.patterns
        switch feedForward {
        case .names(let names): return { site in names.contains { patterns.module(site).hasSuffix($0) } }
        case .pattern(let pattern):
            let regex = try patterns.regex(pattern, field: "feedforward_modules")
            return { patterns.module($0).wholeMatch(of: regex) != nil }
        case .allLinear: return { _ in true }
        case .nothing: return { _ in false }
        case nil:
            // What PEFT fills in, for families that it knows.
            let family = reader.encoder.config.family.modelType
            guard ["bert", "roberta", "deberta-v2", "t5"].contains(family) else {
                throw .unsupportedField(
                    file: reader.configPath, field: "feedforward_modules", found: "missing",
                    expected: "a list, for PEFT knows none for the family \(family)")
            }
            return { IA3Method.leadsOut($0.projection) && (family != "t5" || $0.projection == .output) }
        }
    }

    /// `ia3_l` of each site.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        for site in adapters.sites {
            guard let adapter = adapters.linear[site]?.proper as? IA3 else { continue }
            let count = adapter.factors.columns
            writer.add(
                names.module(site) + ".ia3_l", shape: adapter.scalesInput ? [1, count] : [count, 1],
                floats: parameters[adapter.factors].values)
        }
    }
}

extension PEFTConfiguration.Targets {
    /// Whether PEFT takes them beside these targets: of two lists one has to be a part of the other.
    fileprivate func isPart(of targets: PEFTConfiguration.Targets) -> Bool {
        guard case .names(let names) = self, case .names(let all) = targets else { return true }
        return names.allSatisfy(all.contains)
    }
}
