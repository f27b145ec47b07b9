import Encoders
import Files
import Matrices
import Safetensors

/// VeRA (``VeRA``), as PEFT files it, with the shared projection in the folder.
public struct VeRAMethod: AdapterMethod {
    /// "vera"
    public static let name = "vera"
    /// "VERA"
    public static let peftType = "VERA"
    /// "vera_"
    public static let tensorMark = "vera_"
    /// Those of PEFT that matter, in full words.
    public static let settingNames = ["rank", "start", "dropout"]
    /// Those that PEFT's configuration of it has.
    public static let sharedFields: Set<PEFTConfiguration.SharedField> = [.targets, .layers, .biases]
    /// Those honoured, and those that say how training went.
    public static let fieldNames: Set<String> = [
        "r", "vera_dropout", "d_initial", "init_weights", "projection_prng_key", "save_projection",
    ]

    /// Rank of the shared projection: `r`.
    public var rank: Int
    /// What all numbers of d start with: `d_initial`.
    public var start: Float
    /// Share of the input dropped on the adapter's path in training: `vera_dropout`.
    public var dropoutRate: Float

    /// VeRA with PEFT's settings.
    public init(rank: Int = 256, start: Float = 0.1, dropoutRate: Float = 0) {
        (self.rank, self.start, self.dropoutRate) = (rank, start, dropoutRate)
    }

    /// The usual settings, but for those that are said.
    public init(_ settings: MethodSettings) throws(AdapterError) {
        self.init(
            rank: try settings.integer("rank", default: 256, in: 1...65_536),
            start: try settings.positive("start", default: 0.1),
            dropoutRate: try settings.number("dropout", default: 0, in: 0...0.99))
    }

    /// The method and its size.
    public var summary: String { "VeRA of rank \(rank)" }

    /// An adapter at each site, d as it starts and b zero, with one projection for all.
    public func fresh(
        at sites: [Site], on encoder: TransformerEncoder, seed: UInt64
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let extents = sites.compactMap { encoder.config.extents(of: $0.projection) }
        let projection = VeRAProjection(
            rank: rank, inputs: extents.map(\.inputs).max() ?? 1, outputs: extents.map(\.outputs).max() ?? 1,
            seed: seed)
        let linear = adapters(at: sites, projection, on: encoder.config)
        let adapters = AdapterSet(linear)
        var parameters = ParameterVector(adapters.parameters)
        for adapter in linear.values { adapter.initialize(&parameters, start: start) }
        return (adapters, parameters)
    }

    private func adapters(
        at sites: [Site], _ projection: VeRAProjection, on config: EncoderConfig
    ) -> [Site: VeRA] {
        var linear: [Site: VeRA] = [:]
        for site in sites {
            guard let (inputs, outputs) = config.extents(of: site.projection) else { continue }
            linear[site] = VeRA(
                name: site.description, inputs: inputs, outputs: outputs, projection: projection,
                dropoutRate: dropoutRate)
        }
        return linear
    }
}

// MARK: PEFT's files

extension VeRAMethod {
    /// PEFT's fields, with PEFT's defaults.
    public init(_ fields: JSONFields) throws(AdapterError) {
        let hasProjection: Bool
        do {
            self.init(
                rank: try fields.positive("r", default: 256),
                start: try fields.number("d_initial", default: 0.1, in: -1e9...1e9),
                dropoutRate: try fields.number("vera_dropout", default: 0, in: 0...0.99))
            hasProjection = try fields.flag("save_projection", default: true)
        } catch { throw .configuration(error) }
        guard hasProjection else {
            throw .unsupportedField(
                file: fields.file, field: "save_projection", found: "false",
                expected:
                    "true: only PyTorch can draw the projection again; have PEFT save it with save_projection=True")
        }
    }

    /// What PEFT writes.
    public func fields() -> [String: Any] {
        [
            "d_initial": PEFTConfiguration.plain(start), "fan_in_fan_out": false, "init_weights": true,
            "projection_prng_key": 0, "r": rank, "save_projection": true,
            "vera_dropout": PEFTConfiguration.plain(dropoutRate),
        ]
    }

    private static let projectionNames = (a: "base_model.vera_A", b: "base_model.vera_B")

    /// `vera_lambda_b` and `vera_lambda_d` of each site, and the projection.
    public func read(
        _ reader: inout AdapterReader, at sites: [Site]
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let extents = sites.compactMap { reader.encoder.config.extents(of: $0.projection) }
        let (a, b) = VeRAMethod.projectionNames
        // As wide as the widest map in PEFT, which may be one that Graft does not run, as a pooler.
        let inputs = max(extents.map(\.inputs).max() ?? 1, reader.shape(of: a)?.last ?? 0)
        let outputs = max(extents.map(\.outputs).max() ?? 1, reader.shape(of: b)?.first ?? 0)
        let projection = VeRAProjection(
            a: try reader.read(a, shape: [rank, inputs]), b: try reader.read(b, shape: [outputs, rank]))
        let linear = adapters(at: sites, projection, on: reader.encoder.config)
        let adapters = AdapterSet(linear)
        var values = ParameterVector(adapters.parameters)
        for site in adapters.sites {
            guard let adapter = linear[site] else { continue }
            let module = reader.peftNames.module(site)
            values[adapter.d] = try reader.read(module + ".vera_lambda_d", shape: [adapter.d.columns])
            values[adapter.b] = try reader.read(module + ".vera_lambda_b", shape: [adapter.b.columns])
        }
        return (adapters, values)
    }

    /// `vera_lambda_b` and `vera_lambda_d` of each site, and the projection.
    public func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: PEFTNames, into writer: inout SafetensorsWriter
    ) {
        var projection: VeRAProjection?
        for site in adapters.sites {
            guard let adapter = adapters.linear[site]?.proper as? VeRA else { continue }
            for (name, parameter) in [(".vera_lambda_b", adapter.b), (".vera_lambda_d", adapter.d)] {
                writer.add(names.module(site) + name, shape: [parameter.columns], floats: parameters[parameter].values)
            }
            projection = adapter.projection
        }
        guard let projection else { return }
        for (name, matrix) in [
            (VeRAMethod.projectionNames.a, projection.a), (VeRAMethod.projectionNames.b, projection.b),
        ] { writer.add(name, shape: [matrix.rows, matrix.columns], floats: matrix.values) }
    }
}
