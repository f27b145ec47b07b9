import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// AdapterFusion (Pfeiffer et al. 2021): attention over bottlenecks that were trained before and stay as they are.
///
/// AdapterHub's library keeps a fusion and each of its adapters in folders of their own; here the folder of a fusion has those of
/// its adapters in it.
public struct FusionMethod: AdapterHubMethod {
    /// "fusion"
    public static let name = "fusion"
    /// The folders of the adapters, and the library's fields in full words.
    public static let settingNames = ["adapters", "value", "query_before_norm", "regularization", "dropout"]

    /// The folders of the adapters to fuse, in their order; of a fusion that was read, their names.
    public var adapters: [String]
    /// `value`: whether what the bottlenecks give goes through a map that trains.
    public var hasValue = true
    /// `query_before_ln`: whether the query is of the block's result and not of what the bottlenecks read.
    public var queriesResult = false
    /// `dropout_prob`, of the scores; nil: that of the encoder's attention.
    public var dropoutRate: Float?

    /// `regularization`: whether value is drawn to the identity in training.
    public var isRegularized = true

    /// A fusion of the adapters in these folders, as the library's `dynamic`.
    public init(of adapters: [String]) { self.adapters = adapters }

    /// The usual settings, but for those that are said.
    public init(_ said: MethodSettings) throws(AdapterError) {
        self.init(of: [])
        hasValue = try said.flag("value", default: true)
        queriesResult = try said.flag("query_before_norm", default: false)
        isRegularized = try said.flag("regularization", default: true)
        if said["dropout"] != nil { dropoutRate = try said.number("dropout", default: 0, in: 0...0.99) }
        switch said["adapters"] {
        case .text(let text)?: adapters = text.split(separator: ",").map(String.init)
        case .list(let values)?:
            for value in values {
                guard case .text(let path) = value else { throw said.invalid("adapters", FusionMethod.expected) }
                adapters.append(path)
            }
        default: throw said.invalid("adapters", FusionMethod.expected)
        }
        guard adapters.count > 1 else { throw said.invalid("adapters", FusionMethod.expected) }
    }

    private static let expected = "the folders of two or more adapters"

    /// "AdapterFusion of 2 adapters"
    public var summary: String { "AdapterFusion of \(adapters.count) adapters" }

    /// The maps that blocks end with: those are fused that have bottlenecks.
    public func usualTargets(for config: EncoderConfig) -> [Projection] { BottleneckMethods.places.map(\.projection) }

    /// A fusion behind each block that has bottlenecks, among those that end with these sites.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        var parts: [FusedAdapter] = []
        for path in adapters { parts.append(try FusedAdapter(contentsOf: URL(filePath: path), for: encoder)) }
        let places = Set(
            sites.compactMap { site in
                BottleneckMethods.places.first { $0.projection == site.projection }
                    .map { BlockSite(layer: site.layer, block: $0.block) }
            })
        let blocks = try fusions(of: parts, on: encoder.config).filter { places.contains($0.key) }
        guard !blocks.isEmpty else { throw .nothingTargeted }
        let adapters = AdapterSet([:], blocks: blocks)
        var values = ParameterVector(adapters.parameters)
        for fusion in blocks.values { fusion.initialize(&values, seed: seed) }
        return (adapters, values)
    }

    private func fusions(
        of parts: [FusedAdapter], on config: EncoderConfig
    ) throws(AdapterError) -> [BlockSite: AdapterFusion] {
        try FusedAdapter.check(parts)
        var blocks: [BlockSite: AdapterFusion] = [:]
        for site in parts.first?.bundle.adapters.blockSites ?? [] {
            blocks[site] = AdapterFusion(
                at: site, hidden: config.hiddenSize, of: parts, hasValue: hasValue, queriesResult: queriesResult,
                dropoutRate: dropoutRate ?? config.attentionDropout, isRegularized: isRegularized)
        }
        return blocks
    }
}

// MARK: The library's files

extension FusionMethod {
    /// `adapter_fusion_config.json`, and the weights beside it.
    static let configName = "adapter_fusion_config.json"
    static let weightsName = "model_adapter_fusion.safetensors"
    static let pickledName = "pytorch_model_adapter_fusion.bin"

    /// The object `config`; the names of the adapters are beside it.
    public init(_ fields: JSONFields, isOld: Bool) throws(AdapterError) {
        self.init(of: [])
        do {
            for (name, expected) in [
                ("query", true), ("key", true), ("residual_before", false), ("temperature", false),
            ] {
                let found = try fields.flag(name, default: expected)
                try fields.check(name, found, "\(expected)", found == expected)
            }
            hasValue = try fields.flag("value", default: true)
            isRegularized = try fields.flag("regularization", default: true)
            queriesResult = try fields.flag("query_before_ln", default: false)
            if fields.value("dropout_prob") != nil {
                dropoutRate = try fields.number("dropout_prob", default: 0, in: 0...0.99)
            }
            // What comes before and behind the softmax is the same, since the map has no bias.
            _ = try fields.flag("value_before_softmax", default: true)
            try fields.checkNames([
                "query", "key", "value", "query_before_ln", "residual_before", "temperature", "value_before_softmax",
                "value_initialized", "regularization", "dropout_prob",
            ])
        } catch { throw .configuration(error) }
    }

    /// The object `config`.
    public func fields() -> [String: Any] {
        [
            "query": true, "key": true, "value": hasValue, "query_before_ln": queriesResult,
            "regularization": isRegularized, "residual_before": false, "temperature": false,
            "value_before_softmax": true,
            "value_initialized": hasValue,
            "dropout_prob": dropoutRate.map(AdapterHubFiles.decimal) ?? AdapterHubFiles.null,
        ]
    }

    /// With the names of what is fused.
    public func placed(as adapters: AdapterSet, on config: EncoderConfig) -> FusionMethod {
        var placed = self
        placed.adapters = (adapters.blocks.values.first as? AdapterFusion)?.parts.map(\.name) ?? self.adapters
        return placed
    }

    /// The fusions of a folder, and its adapters from the folders in it that have their names.
    public func read(
        _ reader: inout AdapterHubReader
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        var parts: [FusedAdapter] = []
        for name in adapters {
            let own = reader.folder.appending(path: name)
            guard AdapterBundle.exists(in: own) else {
                throw .missingFusedAdapter(name, folder: reader.folder.path(percentEncoded: false))
            }
            parts.append(
                try FusedAdapter(contentsOf: own, for: reader.encoder, allowingOtherBase: reader.allowsOtherBase))
        }
        let blocks = try fusions(of: parts, on: reader.encoder.config)
        let set = AdapterSet([:], blocks: blocks)
        var values = ParameterVector(set.parameters)
        for site in set.blockSites {
            for parameter in blocks[site]?.parameters ?? [] {
                let shape = parameter.rows == 1 ? [parameter.columns] : [parameter.rows, parameter.columns]
                values[parameter] = try reader.read(
                    reader.names.fusion(parameter, at: site), shape: shape, rows: parameter.rows)
            }
        }
        return (set, values)
    }

    /// The tensors of each fusion.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: AdapterHubNames,
        into writer: inout SafetensorsWriter
    ) {
        for site in adapters.blockSites {
            for parameter in (adapters.blocks[site] as? AdapterFusion)?.parameters ?? [] {
                let shape = parameter.rows == 1 ? [parameter.columns] : [parameter.rows, parameter.columns]
                writer.add(
                    names.fusion(parameter, at: site), shape: shape, floats: parameters[parameter].values)
            }
        }
    }
}
