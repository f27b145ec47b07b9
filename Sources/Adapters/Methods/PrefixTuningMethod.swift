import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// Prefix tuning (``PrefixTuning``), as PEFT files it: one tensor with the keys and values of all layers.
///
/// PEFT hands them to transformers as the keys and values of tokens that came before, which moves the positions of a text's own
/// tokens behind them. Encoders that take none such, in transformers, have no prefix tuning in PEFT: here they are refused by name.
public struct PrefixTuningMethod: AdapterMethod {
    /// "prefix"
    public static let name = "prefix"
    /// "PREFIX_TUNING"
    public static let peftType = "PREFIX_TUNING"
    /// "prompt_embeddings"
    public static let tensorMark = "prompt_embeddings"
    /// No: virtual tokens are before everything.
    public static let wrapsModules = false
    /// Those of PEFT that matter, in full words.
    public static let settingNames = ["tokens", "projection", "hidden", "zero"]
    /// Those that PEFT's configuration of it has.
    public static let sharedFields: Set<PEFTConfiguration.SharedField> = []
    /// Those honoured, and those that say how training went.
    public static let fieldNames = VirtualTokenFields.names.union([
        "encoder_hidden_size", "prefix_projection", "init_weights",
    ])
    /// The families whose encoders take keys and values from before.
    static let families: Set<String> = ["bert", "roberta", "xlm-roberta", "camembert", "electra"]

    /// How many tokens the prefix stands for: `num_virtual_tokens`.
    public var tokens: Int
    /// Width between the maps that keys and values come from while they train (`prefix_projection`, `encoder_hidden_size`); 0: that
    /// of the encoder; nil: they train as they are.
    public var projection: Int?
    /// Whether they start at zero, and not at random: `init_weights`.
    public var startsAtZero: Bool

    /// A prefix of 16 tokens that start at random.
    public init(tokens: Int = 16, projection: Int? = nil, startsAtZero: Bool = false) {
        (self.tokens, self.projection, self.startsAtZero) = (tokens, projection, startsAtZero)
    }

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) {
        let hidden = try settings.integer("hidden", default: 0, in: 0...65_536)
        let isProjected = try settings.flag("projection", default: hidden > 0)
        if hidden > 0, !isProjected { throw settings.invalid("hidden", "nothing, without a projection") }
        self.init(
            tokens: try settings.integer("tokens", default: 16, in: 1...4096),
            projection: isProjected ? hidden : nil, startsAtZero: try settings.flag("zero", default: false))
    }

    /// All of them.
    public var virtualTokens: Int { tokens }

    /// The method and its size.
    public var summary: String { "prefix tuning with \(tokens) tokens" + (projection == nil ? "" : " from a network") }

    /// None: it is in no linear map.
    public func usualTargets(for config: EncoderConfig) -> [Projection] { [] }

    /// Keys and values for every layer.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let config = encoder.config
        try check(config)
        try VirtualTokenFields.check(tokens, on: config)
        let adapters = projection.map { projected($0, config) } ?? plain(config)
        var parameters = ParameterVector(adapters.parameters)
        for parameter in adapters.parameters { initialize(parameter, in: &parameters, seed: seed) }
        return (adapters, parameters)
    }

    /// As PyTorch starts embeddings (normal) and maps (uniform within ±1/√inputs), a function of seed and name.
    private func initialize(_ parameter: Parameter, in values: inout ParameterVector, seed: UInt64) {
        if parameter.name.contains(".first.") || parameter.name.contains(".second.") {
            if startsAtZero, parameter.name.contains(".second.") { return }
            let inputs = parameter.rows > 1 ? parameter.columns : parameter.fanIn(among: values.layout.parameters)
            values[parameter] = .uniform(parameter, bound: 1 / Float(inputs).squareRoot(), seed: seed)
        } else if projection != nil || !startsAtZero {
            values[parameter] = .normal(parameter, seed: seed)
        }
    }

    private func check(_ config: EncoderConfig) throws(AdapterError) {
        guard PrefixTuningMethod.families.contains(config.family.modelType) else {
            throw .notForFamily(
                method: PrefixTuningMethod.name, family: config.family.modelType,
                reason:
                    "its encoder takes no keys and values from before in transformers, so PEFT has none for it either")
        }
    }

    private func plain(_ config: EncoderConfig) -> AdapterSet {
        var adapters = AdapterSet.none
        for layer in 0..<config.layers {
            adapters.prefixes[layer] = PrefixTuning(
                name: "layer.\(layer)", count: tokens, width: config.heads * config.headWidth)
        }
        return adapters
    }

    private func projected(_ hidden: Int, _ config: EncoderConfig) -> AdapterSet {
        let width = config.heads * config.headWidth
        var adapters = AdapterSet.none
        for layer in 0..<config.layers {
            adapters.prefixes[layer] = ProjectedPrefix(
                name: "layer.\(layer)", count: tokens, width: width, hidden: hidden == 0 ? width : hidden)
        }
        return adapters
    }
}

extension Parameter {
    /// Of a bias, the inputs of the weight beside it.
    fileprivate func fanIn(among parameters: [Parameter]) -> Int {
        let weight = name.replacing(".bias", with: ".weight")
        return parameters.first { $0.name == weight }?.columns ?? columns
    }
}

// MARK: PEFT's files

extension PrefixTuningMethod {
    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) {
        do {
            // A projection is not in the folder: what is saved is what came out of it.
            self.init(tokens: try VirtualTokenFields.count(fields))
            startsAtZero = try fields.text("init_weights") == "zero"
        } catch { throw .configuration(error) }
    }

    /// What came out of a projection is filed as a prefix without one.
    public func fields() -> [String: Any] {
        ["init_weights": startsAtZero ? "zero" as Any : NSNull(), "prefix_projection": false]
    }

    /// The same, and what the adapters and the encoder say.
    public func fields(
        of adapters: AdapterSet, _ targets: PEFTConfiguration.Targets, on config: EncoderConfig
    ) -> [String: Any] {
        let width = config.heads * config.headWidth
        var fields = VirtualTokenFields.fields(
            count: adapters.prefixes.first?.value.count ?? tokens, width: width, on: config)
        fields["encoder_hidden_size"] = width
        return fields.merging(self.fields()) { own, _ in own }
    }

    private static let tensorName = "prompt_embeddings"

    /// `prompt_embeddings`, a layer's keys and values beside the other layers'.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let config = reader.encoder.config
        try check(config)
        try VirtualTokenFields.check(tokens, on: config, name: "num_virtual_tokens")
        let adapters = plain(config)
        var values = ParameterVector(adapters.parameters)
        // [tokens, layers · 2 · width]: of each layer keys and then values.
        let width = 2 * config.heads * config.headWidth
        let all = try reader.read(PrefixTuningMethod.tensorName, shape: [tokens, config.layers * width])
        for (layer, parameter) in adapters.prefixParameters.enumerated() {
            values.withMutableView(of: parameter) { rows in
                all.withView { rows.copy($0[0..<tokens, layer * width..<(layer + 1) * width]) }
            }
        }
        return (adapters, values)
    }

    /// `prompt_embeddings`, a layer's keys and values beside the other layers'.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        let layers = adapters.prefixes.keys.sorted().compactMap { layer -> Matrix? in
            switch adapters.prefixes[layer] {
            case let prefix as PrefixTuning: parameters[prefix.rows]
            case let prefix as ProjectedPrefix: prefix.computed(parameters).rows
            default: nil
            }
        }
        guard let first = layers.first else { return }
        let rows = (0..<first.rows).flatMap { row in layers.flatMap { $0.row(row) } }
        writer.add(
            PrefixTuningMethod.tensorName, shape: [first.rows, layers.count * first.columns], floats: rows)
    }
}
