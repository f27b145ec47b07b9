import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// What AdapterHub's library files as LoRA: LoRA, DoRA and (IA)³. The places are flags, and all have one rank and one scale.
///
/// Graft holds them as PEFT does. This is the way between the two:
///
/// - (IA)³ has its factors on the outputs of maps, never on their inputs.
/// - DoRA has its gains on a map's bias too, and takes the lengths of W + B A without the scale:
///   y = g ⊙ (x Wᵀ + b + s · x Aᵀ Bᵀ), g = m / ‖W + B A‖. Here that is DoRA with other m over a bias that has changed by (g − 1) ⊙ b.
struct AdapterHubLoRA {
    /// Which of them.
    enum Kind: Sendable { case lora, dora, ia3 }

    /// By `composition_mode` and `use_dora`.
    var kind = Kind.lora
    /// `attn_matrices` of `selfattn_lora`, `intermediate_lora` and `output_lora`.
    var projections: [Projection]
    /// `leave_out`
    var leftOut: [Int]
    /// `r`
    var rank: Int
    /// `alpha`, of which the scale is alpha / r; of (IA)³ a factor for all.
    var alpha: Float
    /// `dropout`
    var dropoutRate: Float

    /// What the library calls the maps of attention.
    private static let attention: [(name: String, projection: Projection)] = [
        ("q", .query), ("k", .key), ("v", .value),
    ]

    private var scale: Float { alpha / Float(rank) }

    /// Reads the object `config`.
    init(_ fields: JSONFields) throws(JSONFieldsError) {
        try fields.checkNames([
            "architecture", "selfattn_lora", "intermediate_lora", "output_lora", "leave_out", "r", "alpha", "dropout",
            "attn_matrices", "composition_mode", "init_weights", "init_weights_seed", "use_dora", "dtype",
        ])
        let mode = try fields.choice("composition_mode", default: "add", of: [("add", Kind.lora), ("scale", .ia3)])
        let isDoRA = try fields.flag("use_dora", default: false)
        kind = mode == .lora && isDoRA ? .dora : mode
        rank = try fields.positive("r", default: 8)
        alpha = try fields.number("alpha", default: 8, in: -1e9...1e9)
        dropoutRate = try fields.number("dropout", default: 0, in: 0...0.99)
        if kind == .ia3 {
            try fields.check("use_dora", isDoRA, "false where composition_mode is scale", !isDoRA)
            try fields.check("r", rank, "1 where composition_mode is scale", rank == 1)
            try fields.check("dropout", dropoutRate, "0 where composition_mode is scale", dropoutRate == 0)
        }
        leftOut = try fields.wholeNumbers("leave_out")
        projections = []
        if try fields.flag("selfattn_lora", default: true) {
            for name in fields.value("attn_matrices") == nil ? ["q", "v"] : try fields.names("attn_matrices") {
                guard let found = AdapterHubLoRA.attention.first(where: { $0.name == name }) else {
                    throw fields.invalid("attn_matrices", name, "q, k or v")
                }
                projections.append(found.projection)
            }
        }
        if try fields.flag("intermediate_lora", default: false) { projections.append(.intermediate) }
        if try fields.flag("output_lora", default: false) { projections.append(.output) }
    }

    /// The method as Graft has it, before it is known what the maps are.
    var method: any AdapterMethod {
        guard kind != .ia3 else { return IA3Method() }
        var method = LoRAMethod(rank: rank, alpha: alpha, dropoutRate: dropoutRate)
        method.trainsLengths = kind == .dora
        return method
    }

    /// The object `config`.
    var fields: [String: Any] {
        let matrices = AdapterHubLoRA.attention.filter { projections.contains($0.projection) }.map(\.name)
        return [
            "architecture": "lora", "selfattn_lora": !matrices.isEmpty,
            "intermediate_lora": projections.contains(.intermediate), "output_lora": projections.contains(.output),
            "leave_out": leftOut, "r": rank, "alpha": PEFTConfiguration.plain(alpha),
            "dropout": AdapterHubFiles.decimal(dropoutRate), "attn_matrices": matrices.isEmpty ? ["q", "v"] : matrices,
            "composition_mode": kind == .ia3 ? "scale" : "add", "init_weights": kind == .ia3 ? "ia3" : "lora",
            "init_weights_seed": AdapterHubFiles.null, "use_gating": false, "use_dora": kind == .dora,
            "vera_d": AdapterHubFiles.null, "vera_b": AdapterHubFiles.null, "dtype": AdapterHubFiles.null,
        ]
    }

    // MARK: Reading

    /// Where the adapters are on an encoder.
    private func sites(on config: EncoderConfig) throws(AdapterError) -> [Site] {
        for layer in leftOut where !(0..<config.distinctLayers).contains(layer) {
            throw .noSuchLayer(layer, layers: config.distinctLayers)
        }
        guard !projections.isEmpty else { throw .nothingTargeted }
        for projection in projections where config.extents(of: projection) == nil {
            throw .noSuchProjection(projection, family: config.family.modelType, available: config.projections)
        }
        let layers = (0..<config.distinctLayers).filter { !leftOut.contains($0) }
        guard !layers.isEmpty else { throw .nothingTargeted }
        return layers.flatMap { layer in projections.map { Site(layer: layer, projection: $0) } }.sorted()
    }

    /// The adapters that a folder holds, with their values.
    func read(
        _ reader: inout AdapterHubReader
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        let encoder = reader.encoder
        var linear: [Site: any LinearAdapter] = [:]
        var values: [(parameter: Parameter, value: Matrix)] = []
        for site in try sites(on: encoder.config) {
            guard let (inputs, outputs) = encoder.config.extents(of: site.projection) else { continue }
            func read(_ name: String, rows: Int, columns: Int) throws(AdapterError) -> Matrix {
                try reader.read(reader.names.lora(site) + name, shape: [rows, columns], rows: rows)
            }
            let name = site.description
            if kind == .ia3 {
                let ia3 = IA3(name: name, inputs: inputs, outputs: outputs, scalesInput: false)
                let factors = try read("lora_B", rows: outputs, columns: 1).values.map { $0 * alpha }
                values.append((ia3.factors, Matrix(rows: 1, columns: outputs, values: factors)))
                linear[site] = ia3
                continue
            }
            let lora = LoRA(
                name: name, inputs: inputs, outputs: outputs, rank: rank, scale: scale, dropoutRate: dropoutRate)
            values.append((lora.a, try read("lora_A", rows: rank, columns: inputs)))
            values.append((lora.b, try read("lora_B", rows: outputs, columns: rank)))
            guard kind == .dora else { linear[site] = lora; continue }
            let dora = DoRA(name: name, over: lora)
            let m = try read("m.weight", rows: outputs, columns: 1).reshaped(rows: 1, columns: outputs)
            let own = AdapterHubLoRA.lengths(dora, values.suffix(2).map(\.value), m, encoder[site])
            values.append((dora.magnitude, own.magnitude))
            linear[site] = dora
            guard encoder.config.hasBias(site.projection) else { continue }
            let bias = BiasDelta(name: name, outputs: outputs, over: dora, isOfAdapter: true)
            values.append((bias.bias, own.biasChange))
            linear[site] = bias
        }
        let adapters = AdapterSet(linear)
        var vector = ParameterVector(adapters.parameters)
        for (parameter, value) in values { vector[parameter] = value }
        encoder.settle(adapters, in: &vector)
        return (adapters, vector)
    }

    /// The lengths m of Graft's DoRA that have the gains of the library's m, and what these gains do to the map's bias.
    private static func lengths(
        _ dora: DoRA, _ factors: [Matrix], _ m: Matrix, _ map: FrozenLinear
    ) -> (magnitude: Matrix, biasChange: Matrix) {
        var values = ParameterVector(dora.parameters)
        (values[dora.lora.a], values[dora.lora.b], values[dora.magnitude]) = (factors[0], factors[1], m)
        let unscaled = dora.lora.scale == 1 ? dora : DoRA(dora, scale: 1)
        let gains = unscaled.gains(unscaled.norms(map, values), values)
        let norms = dora.norms(map, values).values
        let magnitude = dora.lora.scale == 1 ? m.values : zip(gains, norms).map { $0 * $1 }
        return (
            Matrix(rows: 1, columns: m.columns, values: magnitude),
            Matrix(rows: 1, columns: m.columns, values: zip(gains, map.bias).map { ($0 - 1) * $1 })
        )
    }
}

// MARK: Writing

extension AdapterHubLoRA {
    /// What the library would have to say of these adapters.
    ///
    /// - Throws: ``AdapterError/notConvertible(_:reason:)`` for what it cannot.
    init(
        _ adapters: AdapterSet, _ parameters: ParameterVector, on encoder: TransformerEncoder
    ) throws(AdapterError) {
        func refuse(_ reason: String) -> AdapterError { .notConvertible("AdapterHub", reason: reason) }
        guard adapters.embeddings == nil, adapters.hasOnlyMapsNormsAndTables, adapters.normSites.isEmpty else {
            throw refuse("it holds more than adapters of linear maps")
        }
        (projections, leftOut, rank, alpha, dropoutRate) = ([], [], 0, 0, 0)
        var kinds: Set<Kind> = []
        for site in adapters.sites {
            guard let adapter = adapters.linear[site] else { continue }
            guard AdapterHubLoRA.places.contains(site.projection) else {
                throw refuse("its library puts no LoRA on '\(site.projection.rawValue)'")
            }
            if !projections.contains(site.projection) { projections.append(site.projection) }
            switch adapter.proper {
            case let ia3 as IA3 where !(adapter is BiasDelta) && !(adapter is WeightDelta):
                guard !ia3.scalesInput else {
                    throw refuse("the factors at \(site) are of its inputs, and its library has them on outputs alone")
                }
                kinds.insert(.ia3)
                rank = 1
            case let lora as LoRA where lora.bias == nil && !(adapter is BiasDelta) && !(adapter is WeightDelta):
                kinds.insert(.lora)
                (rank, dropoutRate) = (max(rank, lora.a.rows), max(dropoutRate, lora.dropoutRate))
            case let dora as DoRA where !(adapter is WeightDelta):
                kinds.insert(.dora)
                (rank, dropoutRate) = (max(rank, dora.lora.a.rows), max(dropoutRate, dora.lora.dropoutRate))
                guard AdapterHubLoRA.hasGains(adapter, dora, parameters, encoder[site]) else {
                    throw refuse(
                        "its library multiplies the bias of \(site) by DoRA's gains too, so that DoRA of PEFT has no like"
                            + " there; make a plain LoRA of it with graft combine --method svd")
                }
            default: throw refuse("the adapter at \(site) is not LoRA without a bias, DoRA or (IA)³")
            }
        }
        guard kinds.count == 1, let kind = kinds.first else {
            throw refuse(
                kinds.isEmpty ? "there is no adapter of a linear map" : "its library has one method in all places")
        }
        self.kind = kind
        let layers = Set(adapters.sites.map(\.layer))
        leftOut = (0..<encoder.config.distinctLayers).filter { !layers.contains($0) }
        guard adapters.sites.count == layers.count * projections.count else {
            throw refuse("its library has the same linear maps in every layer that it adapts")
        }
        // The scale of all, if it is one; else 1, and each B has its own. The lengths of DoRA are without it there.
        let scales = Set(adapters.linear.values.compactMap { ($0 as? LoRA)?.scale }.filter { $0 != 0 })
        alpha = (scales.count == 1 ? scales.first ?? 1 : 1) * Float(rank)
    }

    private static let places: [Projection] = attention.map(\.projection) + [.intermediate, .output]

    /// Whether what has become of a map's bias is what DoRA's gains make of it, as the library has it: b + Δb = g ⊙ b, to rounding.
    private static func hasGains(
        _ adapter: any LinearAdapter, _ dora: DoRA, _ parameters: ParameterVector, _ map: FrozenLinear
    ) -> Bool {
        let gains = dora.gains(dora.norms(map, parameters), parameters)
        let changes = (adapter as? BiasDelta).map { parameters[$0.bias].values }
        let size = map.bias.reduce(0) { max($0, abs($1)) }
        return zip(zip(gains, map.bias), changes ?? map.bias.map { _ in 0 }).allSatisfy { pair, change in
            abs((pair.0 - 1) * pair.1 - change) <= 2e-6 * size
        }
    }

    /// Adds the tensors of the adapters. A rank below the largest is filled up with zeros.
    func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: AdapterHubNames,
        into writer: inout SafetensorsWriter
    ) {
        for site in adapters.sites {
            let adapter = adapters.linear[site]?.proper
            if let ia3 = adapter as? IA3 {
                let factors = parameters[ia3.factors]
                writer.add(names.lora(site) + "lora_B", shape: [factors.count, 1], floats: factors.values)
                continue
            }
            guard let lora = (adapter as? LoRA) ?? (adapter as? DoRA)?.lora else { continue }
            let factor = lora.scale / scale
            let (a, b) = (parameters[lora.a], parameters[lora.b])
            var filledA = Matrix(rows: rank, columns: a.columns)
            var filledB = Matrix(rows: b.rows, columns: rank)
            for row in 0..<a.rows { for column in 0..<a.columns { filledA[row, column] = a[row, column] } }
            for row in 0..<b.rows { for column in 0..<b.columns { filledB[row, column] = b[row, column] * factor } }
            writer.add(names.lora(site) + "lora_A", shape: [rank, a.columns], floats: filledA.values)
            writer.add(names.lora(site) + "lora_B", shape: [b.rows, rank], floats: filledB.values)
            if let magnitude = (adapter as? DoRA)?.magnitude {
                writer.add(
                    names.lora(site) + "m.weight", shape: [magnitude.columns, 1], floats: parameters[magnitude].values)
            }
        }
    }
}
