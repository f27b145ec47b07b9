import Encoders
import Files
import Matrices
import Safetensors

/// A kind of bottleneck adapters: what AdapterHub's library calls it, and what it usually is.
public protocol BottleneckMethod: AdapterHubMethod {
    /// What it is where nothing else is said.
    static var usual: BottleneckSettings { get }
    /// For people: "Houlsby bottlenecks".
    static var title: String { get }
    /// What it is.
    var settings: BottleneckSettings { get set }
    /// The given settings.
    init(settings: BottleneckSettings)
}

extension BottleneckMethod {
    /// The library's fields, in full words.
    public static var settingNames: [String] {
        [
            "reduction_factor", "activation", "dropout", "scaling", "norm_before", "norm_after", "original_norm_before",
            "original_norm_after", "residual", "residual_in_norm", "init_weights",
        ]
            + (usual.hypercomplex == nil
                ? []
                : [
                    "phm_dimension", "phm_rank", "shared_phm_rule", "factorized_phm_rule", "shared_phm_blocks",
                    "phm_bias",
                ])
    }

    /// The usual settings, but for those that are said.
    public init(_ said: MethodSettings) throws(AdapterError) {
        self.init(settings: Self.usual)
        settings.reduction = try BottleneckMethods.reduction(said, usual: settings.reduction)
        settings.activation = try said.choice(
            "activation", default: settings.activation,
            of: BottleneckSettings.Activation.allCases.map { ($0.rawValue, $0) })
        settings.dropoutRate = try said.number("dropout", default: settings.dropoutRate, in: 0...0.99)
        settings.scaling = try BottleneckMethods.scaling(said, usual: settings.scaling)
        settings.normsBefore = try said.flag("norm_before", default: settings.normsBefore)
        settings.normsAfter = try said.flag("norm_after", default: settings.normsAfter)
        settings.wiring.sumsBefore = try said.flag("original_norm_before", default: settings.wiring.sumsBefore)
        settings.wiring.sumsBehind = try said.flag("original_norm_after", default: settings.wiring.sumsBehind)
        settings.wiring.residual = try said.choice(
            "residual", default: settings.wiring.residual,
            of: [("result", .result), ("sum", .sum), ("input", .input)])
        if settings.wiring.residual == .sum, !settings.wiring.sumsBefore {
            throw said.invalid("residual", "result or input where original_norm_before is false")
        }
        settings.wiring.isResidualInNorm = try said.flag("residual_in_norm", default: false)
        settings.start = try said.choice(
            "init_weights", default: settings.start,
            of: BottleneckSettings.Start.allCases.map { ($0.rawValue, $0) })
        guard var hypercomplex = settings.hypercomplex else { return }
        guard settings.start == .bert else { throw said.invalid("init_weights", "bert, for hypercomplex maps") }
        hypercomplex.dimension = try said.integer("phm_dimension", default: hypercomplex.dimension, in: 1...1024)
        hypercomplex.rank = try said.integer("phm_rank", default: hypercomplex.rank ?? 1, in: 1...4096)
        hypercomplex.sharesRules = try said.flag("shared_phm_rule", default: hypercomplex.sharesRules)
        hypercomplex.hasFactoredRules = try said.flag("factorized_phm_rule", default: hypercomplex.hasFactoredRules)
        hypercomplex.sharesBlocks = try said.flag("shared_phm_blocks", default: hypercomplex.sharesBlocks)
        hypercomplex.hasBias = try said.flag("phm_bias", default: hypercomplex.hasBias)
        settings.hypercomplex = hypercomplex
        // Where nobody says a width, one that the products come to.
        settings.roundsWidth = said["reduction_factor"] == nil
    }

    /// The settings of the object `config`.
    public init(_ fields: JSONFields, isOld: Bool) throws(AdapterError) {
        do { self.init(settings: try BottleneckSettings(fields, isOld: isOld)) } catch { throw .configuration(error) }
    }

    /// "Houlsby bottlenecks, reduced 16 times (swish)"
    public var summary: String {
        let times = settings.reduction.usual.map { Float($0).plainText } ?? "layer by layer"
        return "\(Self.title), reduction factor \(times) (\(settings.activation.rawValue))"
    }

    /// The maps that the blocks end with.
    public func usualTargets(for config: EncoderConfig) -> [Projection] {
        BottleneckMethods.places.filter { settings.blocks.contains($0.block) }.map(\.projection)
    }

    /// Bottlenecks behind the blocks that end with these sites.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        var placed = settings
        placed.blocks = []
        var asked: Set<BlockSite> = []
        for site in sites {
            guard let place = BottleneckMethods.places.first(where: { $0.projection == site.projection }) else {
                throw .noBlockBehind(site.projection, ends: BottleneckMethods.places.map(\.projection))
            }
            placed.blocks.insert(place.block)
            asked.insert(BlockSite(layer: site.layer, block: place.block))
        }
        let layers = Set(sites.map(\.layer))
        placed.leftOut = (0..<encoder.config.distinctLayers).filter {
            !layers.contains($0) || settings.leftOut.contains($0)
        }
        let blocks = try placed.adapters(for: encoder.config)
        if let other = blocks.keys.filter({ !asked.contains($0) }).min() {
            throw .notOfMethod(
                "has the same blocks in all of its layers, and \(other) is not among the targets; make parts that each"
                    + " say the method", method: Self.name)
        }
        let adapters = AdapterSet([:], blocks: blocks)
        var values = ParameterVector(adapters.parameters)
        placed.initialize(blocks, &values, seed: seed)
        return (adapters, values)
    }

    // MARK: The library's files

    /// The object `config`.
    public func fields() -> [String: Any] { settings.fields }

    /// With the blocks, the layers and the widths of these adapters.
    public func placed(as adapters: AdapterSet, on config: EncoderConfig) -> Self {
        var placed = settings
        placed.blocks = Set(adapters.blocks.keys.map(\.block))
        let adapted = Set(adapters.blocks.keys.map(\.layer))
        placed.leftOut = (0..<config.distinctLayers).filter { !adapted.contains($0) }
        if placed.roundsWidth, let any = adapters.blocks.values.first as? Bottleneck {
            placed.reduction = BottleneckSettings.Reduction(to: any.down.outputs, from: config.hiddenSize)
            placed.roundsWidth = false
        }
        return Self(settings: placed)
    }

    /// The tensors of each bottleneck, and those that all share.
    public func read(
        _ reader: inout AdapterHubReader
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let blocks = try settings.adapters(for: reader.encoder.config)
        let adapters = AdapterSet([:], blocks: blocks)
        var values = ParameterVector(adapters.parameters)
        var read: Set<Parameter> = []
        for site in adapters.blockSites {
            guard let bottleneck = blocks[site] else { continue }
            for (parameter, shape) in bottleneck.tensors where read.insert(parameter).inserted {
                values[parameter] = try reader.read(
                    reader.names.tensor(parameter, at: site), shape: shape, rows: parameter.rows)
            }
            for name in bottleneck.copies.values { reader.ignore(reader.names.bottleneck(site) + name) }
        }
        return (adapters, values)
    }

    /// The tensors of each bottleneck, and those that all share.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: AdapterHubNames,
        into writer: inout SafetensorsWriter
    ) {
        var written: Set<Parameter> = []
        for site in adapters.blockSites {
            guard let bottleneck = adapters.blocks[site] as? Bottleneck else { continue }
            for (parameter, shape) in bottleneck.tensors where written.insert(parameter).inserted {
                let values = parameters[parameter].values
                writer.add(names.tensor(parameter, at: site), shape: shape, floats: values)
                if let copy = bottleneck.copies[parameter] {
                    writer.add(names.bottleneck(site) + copy, shape: shape, floats: values)
                }
            }
        }
    }
}

/// What the kinds of bottlenecks have in common.
enum BottleneckMethods {
    /// The blocks, and the maps that they end with.
    static let places: [(projection: Projection, block: BlockSite.Block)] = [
        (.attentionOutput, .attention), (.output, .feedForward),
    ]

    /// The method that settings are nearest to.
    static func read(_ fields: JSONFields, isOld: Bool) throws(JSONFieldsError) -> any AdapterHubMethod {
        let settings = try BottleneckSettings(fields, isOld: isOld)
        let isDouble = settings.blocks.count > 1
        if settings.wiring.isParallel { return ParallelMethod(settings: settings) }
        if settings.hypercomplex != nil {
            return isDouble ? CompacterMethod(settings: settings) : CompacterPlusPlusMethod(settings: settings)
        }
        return isDouble ? HoulsbyMethod(settings: settings) : PfeifferMethod(settings: settings)
    }

    /// A number above 0, or an object of such by layer and 'default'.
    static func reduction(
        _ said: MethodSettings, usual: BottleneckSettings.Reduction
    ) throws(AdapterError) -> BottleneckSettings.Reduction {
        switch said["reduction_factor"] {
        case nil: return usual
        case .number(let factor)? where factor > 0: return BottleneckSettings.Reduction(factor)
        case .object(let factors)?:
            var reduction = BottleneckSettings.Reduction(nil)
            for (key, value) in factors {
                guard case .number(let factor) = value, factor > 0 else { break }
                if key == "default" {
                    reduction.usual = factor
                } else if let layer = Int(key) {
                    reduction.layers[layer] = factor
                }
            }
            if reduction.layers.count + (reduction.usual == nil ? 0 : 1) == factors.count { return reduction }
            fallthrough
        default: throw said.invalid("reduction_factor", "a number above 0, or such by layer and 'default'")
        }
    }

    /// A number, or 'learned' or 'channel'.
    static func scaling(
        _ said: MethodSettings, usual: BottleneckSettings.Scaling
    ) throws(AdapterError) -> BottleneckSettings.Scaling {
        switch said["scaling"] {
        case nil: usual
        case .text("learned")?: .learned
        case .text("channel")?: .channel
        case .number(let factor)?: .constant(Float(factor))
        default: throw said.invalid("scaling", "a number, learned or channel")
        }
    }
}
