import Encoders
import Files
import Matrices
import Safetensors

/// Tuning of norms alone (Zhao et al. 2023; ``NormDelta``), as PEFT's LN tuning files it: not the changes, but the new numbers.
public struct NormTuningMethod: AdapterMethod {
    /// "ln-tuning"
    public static let name = "ln-tuning"
    /// "LN_TUNING"
    public static let peftType = "LN_TUNING"
    /// ".ln_tuning_layers."
    public static let tensorMark = ".ln_tuning_layers."
    /// Yes.
    public static let filesNorms = true
    /// There are none.
    public static let settingNames: [String] = []
    /// Those that PEFT's configuration of it has.
    public static let sharedFields: Set<PEFTConfiguration.SharedField> = []
    /// Those honoured, and those that say how training went.
    public static let fieldNames: Set<String> = []

    /// `target_modules` of a folder that was read; nil: every norm.
    private var targets: PEFTConfiguration.Targets?

    /// It has no settings.
    public init() {}

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) { self.init() }

    /// Always, for there are no settings: the adapters know which norms they change.
    public static func == (left: NormTuningMethod, right: NormTuningMethod) -> Bool { true }

    /// The method and its size.
    public var summary: String { "LN tuning" }

    /// None: it is in no linear map.
    public func usualTargets(for config: EncoderConfig) -> [Projection] { [] }

    /// A change of every norm, zero.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        var adapters = try Unfreezing(norms: true).deltas(for: encoder)
        adapters.methodChanges = Set(adapters.parameters)
        return (adapters, ParameterVector(adapters.parameters))
    }
}

// MARK: PEFT's files

extension NormTuningMethod {
    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) {
        self.init()
        do {
            targets = try fields.required("target_modules", PEFTConfiguration.targets("target_modules", fields))
        } catch { throw .configuration(error) }
    }

    /// What PEFT writes.
    public func fields() -> [String: Any] { [:] }

    /// The whole names of the norms.
    public func fields(
        of adapters: AdapterSet, _ targets: PEFTConfiguration.Targets, on config: EncoderConfig
    ) -> [String: Any] {
        ["target_modules": adapters.normSites.map { config.names.module(of: $0) }.sorted()]
    }

    /// The new numbers of each norm.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let encoder = reader.encoder
        let chosen = Set(try norms(reader))
        let tensors = encoder.config.tensors.filter { tensor in
            switch tensor {
            case .normScale(let site), .normShift(let site): chosen.contains(site)
            default: false
            }
        }
        var adapters = AdapterSet.none.changing(Set(tensors), of: encoder.config)
        adapters.methodChanges = Set(adapters.parameters)
        var values = ParameterVector(adapters.parameters)
        for (tensor, parameter) in adapters.deltas {
            var found = try reader.read(
                NormTuningMethod.name(of: tensor, reader.peftNames), shape: [parameter.columns])
            found.add(encoder.values(of: tensor), scale: -1)
            values[parameter] = found
        }
        return (adapters, values)
    }

    /// The norms that the targets mean.
    private func norms(_ reader: AdapterReader) throws(AdapterError) -> [NormSite] {
        let (config, patterns) = (reader.encoder.config, reader.patterns)
        func module(_ site: NormSite) -> String { patterns.module(site) }
        switch targets {
        case .names(let names):
            for name in names
            where !config.normSites.contains(where: { ModulePatterns.ends(module($0), in: name) }) {
                throw matchesNothing(name, reader)
            }
            return config.normSites.filter { site in names.contains { ModulePatterns.ends(module(site), in: $0) } }
        case .pattern(let pattern):
            let regex = try patterns.regex(pattern, field: "target_modules")
            let matching = config.normSites.filter { module($0).wholeMatch(of: regex) != nil }
            if matching.isEmpty {
                throw matchesNothing(pattern, reader)
            }
            return matching
        case .allLinear, .nothing, nil:
            throw .unsupportedField(
                file: reader.configPath, field: "target_modules", found: targets?.names.first ?? "nothing",
                expected: "names of norms, or a pattern")
        }
    }

    private func matchesNothing(_ target: String, _ reader: AdapterReader) -> AdapterError {
        let config = reader.encoder.config
        let available = Set(config.normSites.map { config.names.module(of: $0) }).sorted()
        return .targetMatchesNothing(
            file: reader.configPath, target: target, available: available,
            nearest: NearestName.to(target, among: available))
    }

    /// A tensor of a norm, in the module that PEFT puts the new one into.
    private static func name(of tensor: FrozenTensor, _ names: PEFTNames) -> String {
        let name = names.base(tensor, isUnderAdapter: false)
        guard let dot = name.lastIndex(of: ".") else { return name }
        return name[..<dot] + ".ln_tuning_layers" + name[dot...]
    }

    /// Norms are new numbers: ``write(_:_:_:on:into:)``.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) { preconditionFailure("the new numbers of norms are those of an encoder") }

    /// The new numbers of each norm.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, on encoder: TransformerEncoder,
        into writer: inout SafetensorsWriter
    ) {
        let deltas = adapters.deltas
        for tensor in encoder.config.tensors where tensor.isOfNorm {
            guard let delta = deltas[tensor] else { continue }
            writer.add(
                NormTuningMethod.name(of: tensor, names), shape: [delta.columns],
                floats: encoder.changed(tensor, by: delta, parameters).values)
        }
    }
}
