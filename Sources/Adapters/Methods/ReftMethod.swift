import Encoders
import Files
import Matrices
import Safetensors

/// A kind of ReFT: what AdapterHub's library calls it, and what it usually is.
public protocol ReftMethod: AdapterHubMethod {
    /// What it is where nothing else is said.
    static var usual: ReftSettings { get }
    /// For people: "LoReFT".
    static var title: String { get }
    /// What it is.
    var settings: ReftSettings { get set }
    /// The given settings.
    init(settings: ReftSettings)
}

extension ReftMethod {
    /// The library's fields, in full words.
    public static var settingNames: [String] {
        ["rank", "prefix_positions", "suffix_positions", "tied_weights", "dropout", "activation"]
    }

    /// The usual settings, but for those that are said.
    public init(_ said: MethodSettings) throws(AdapterError) {
        self.init(settings: Self.usual)
        settings.rank = try said.integer("rank", default: settings.rank, in: 1...4096)
        settings.prefix = try said.integer("prefix_positions", default: settings.prefix, in: 0...100_000)
        settings.suffix = try said.integer("suffix_positions", default: settings.suffix, in: 0...100_000)
        guard settings.prefix + settings.suffix > 0 else {
            throw said.invalid("prefix_positions", "1 or more, where suffix_positions is 0")
        }
        settings.isTied = try said.flag("tied_weights", default: settings.isTied)
        settings.dropoutRate = try said.number("dropout", default: settings.dropoutRate, in: 0...0.99)
        if said["activation"] != nil {
            settings.activation = try said.choice(
                "activation", default: .relu, of: BottleneckSettings.Activation.allCases.map { ($0.rawValue, $0) })
        }
    }

    /// The settings of the object `config`.
    public init(_ fields: JSONFields, isOld: Bool) throws(AdapterError) {
        do { self.init(settings: try ReftSettings(fields)) } catch { throw .configuration(error) }
    }

    /// "LoReFT of rank 1 (3 first and 0 last tokens)"
    public var summary: String {
        "\(Self.title) of rank \(settings.rank) (\(settings.prefix) first and \(settings.suffix) last tokens)"
    }

    /// The map that a layer ends with.
    public func usualTargets(for config: EncoderConfig) -> [Projection] { [.output] }

    /// An intervention behind each layer that ends with one of these sites.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        if let other = sites.first(where: { $0.projection != .output }) {
            throw .noBlockBehind(other.projection, ends: [.output])
        }
        var placed = settings
        let asked = Set(sites.map(\.layer))
        placed.layers = asked.intersection(settings.layers ?? Array(asked)).sorted()
        let (outputs, values) = try placed.fresh(for: encoder.config, seed: seed)
        return (AdapterSet([:], outputs: outputs), values)
    }

    // MARK: The library's files

    /// The object `config`.
    public func fields() -> [String: Any] { settings.fields }

    /// With the layers of these adapters.
    public func placed(as adapters: AdapterSet, on config: EncoderConfig) -> Self {
        var placed = settings
        placed.layers = adapters.outputs.count == config.distinctLayers ? nil : adapters.outputs.keys.sorted()
        return Self(settings: placed)
    }

    /// The tensors of each unit.
    public func read(
        _ reader: inout AdapterHubReader
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let (rank, width, names) = (settings.rank, reader.encoder.config.hiddenSize, reader.names)
        var originals: [Parameter: Matrix] = [:]
        let isOrthogonal = settings.isOrthogonal
        let outputs = try settings.adapters(for: reader.encoder.config) {
            (unit: String) throws(AdapterError) -> ReftUnit.Projection in
            let parameter = Parameter(
                name: ReftSettings.projectionName(unit, isOrthogonal: isOrthogonal), rows: rank, columns: width)
            let layer = ReftMethods.layer(of: unit)
            var original = try reader.read(
                names.tensor(parameter.name, behind: layer), shape: [rank, width], rows: rank)
            guard isOrthogonal else {
                originals[parameter] = original
                return .free(parameter)
            }
            let base = try reader.read(
                names.tensor(ReftMethods.baseName(unit), behind: layer), shape: [width, width], rows: width)
            // PyTorch cuts what stands on the diagonal to whole numbers.
            let signs = (0..<rank).map { original[$0, $0].rounded(.towardZero) }
            for row in 0..<rank { original[row, row] = signs[row] }
            originals[parameter] = original
            return .orthogonal(OrthogonalRows(original: parameter, base: base, signs: signs))
        }
        let adapters = AdapterSet([:], outputs: outputs)
        var values = ParameterVector(adapters.parameters)
        for layer in outputs.keys.sorted() {
            for unit in outputs[layer]?.units ?? [] {
                values[unit.source] = try reader.read(
                    names.tensor(unit.source.name, behind: layer), shape: [rank, width], rows: rank)
                values[unit.bias] = try reader.read(names.tensor(unit.bias.name, behind: layer), shape: [rank], rows: 1)
                let projection = unit.parameters[2]
                values[projection] = originals[projection] ?? values[projection]
            }
            // The library keeps a unit for each end, whether there are such tokens or not.
            guard !settings.isTied else { continue }
            for (index, count) in [settings.prefix, settings.suffix].enumerated() where count == 0 {
                let unit = "layer.\(layer).reft.units.\(index)"
                let all = [
                    ".learned_source.weight", ".learned_source.bias", ".projection.weight",
                    ".projection.parametrizations.weight.original", ".projection.parametrizations.weight.0.base",
                ]
                for name in all { reader.ignore(names.tensor(unit + name, behind: layer)) }
            }
        }
        return (adapters, values)
    }

    /// The tensors of each unit.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: AdapterHubNames,
        into writer: inout SafetensorsWriter
    ) {
        for layer in adapters.outputs.keys.sorted() {
            guard let reft = adapters.outputs[layer] as? Reft else { continue }
            for unit in reft.units {
                for parameter in [unit.source, unit.bias] {
                    let shape = parameter == unit.bias ? [parameter.columns] : [parameter.rows, parameter.columns]
                    writer.add(
                        names.tensor(parameter.name, behind: layer), shape: shape, floats: parameters[parameter].values)
                }
                let parameter = unit.parameters[2]
                var values = parameters[parameter]
                if case .orthogonal(let rows) = unit.projection {
                    for row in 0..<values.rows { values[row, row] = rows.signs[row] }
                    let name = unit.source.name.replacing(".learned_source.weight", with: "")
                    writer.add(
                        names.tensor(ReftMethods.baseName(name), behind: layer),
                        shape: [rows.base.rows, rows.base.columns], floats: rows.base.values)
                }
                writer.add(
                    names.tensor(parameter.name, behind: layer), shape: [parameter.rows, parameter.columns],
                    floats: values.values)
            }
        }
    }
}

/// What the kinds of ReFT have in common.
enum ReftMethods {
    /// The method that settings are nearest to.
    static func read(_ fields: JSONFields) throws(JSONFieldsError) -> any AdapterHubMethod {
        let settings = try ReftSettings(fields)
        if settings.isOrthogonal { return LoReftMethod(settings: settings) }
        return settings.subtractsProjection ? NoReftMethod(settings: settings) : DiReftMethod(settings: settings)
    }

    /// What the constant of a unit's orthonormal rows is called.
    static func baseName(_ unit: String) -> String { unit + ".projection.parametrizations.weight.0.base" }

    /// The layer of a unit, from its name.
    static func layer(of unit: String) -> Int { Int(unit.split(separator: ".")[1]) ?? 0 }
}
