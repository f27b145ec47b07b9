import Encoders
import Files
import Foundation
import Matrices
import Safetensors

/// LoRA as AdapterHub's library says and files it: the places are flags, and all have one rank and one scale.
///
/// Graft holds LoRA as PEFT does. This is the way between the two.
struct AdapterHubLoRA {
    /// `attn_matrices` of `selfattn_lora`, `intermediate_lora` and `output_lora`.
    var projections: [Projection]
    /// `leave_out`
    var leftOut: [Int]
    /// `r`
    var rank: Int
    /// `alpha`, of which the scale is alpha / r.
    var alpha: Float
    /// `dropout`
    var dropoutRate: Float

    /// What the library calls the maps of attention.
    private static let attention: [(name: String, projection: Projection)] = [
        ("q", .query), ("k", .key), ("v", .value),
    ]

    /// Reads the object `config`.
    init(_ fields: JSONFields) throws(JSONFieldsError) {
        try fields.checkNames([
            "architecture", "selfattn_lora", "intermediate_lora", "output_lora", "leave_out", "r", "alpha", "dropout",
            "attn_matrices", "composition_mode", "init_weights", "init_weights_seed", "dtype",
        ])
        let mode = try fields.text("composition_mode") ?? "add"
        try fields.check("composition_mode", mode, "add", mode == "add")
        rank = try fields.positive("r", default: 8)
        alpha = try fields.number("alpha", default: 8, in: -1e9...1e9)
        dropoutRate = try fields.number("dropout", default: 0, in: 0...0.99)
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

    /// What the library would have to say of these adapters.
    ///
    /// - Throws: ``AdapterError/notConvertible(_:reason:)`` for what it cannot.
    init(_ adapters: AdapterSet, on config: EncoderConfig) throws(AdapterError) {
        func refuse(_ reason: String) -> AdapterError { .notConvertible("AdapterHub", reason: reason) }
        guard adapters.deltas.isEmpty, adapters.embeddings == nil, adapters.blocks.isEmpty, adapters.outputs.isEmpty
        else {
            throw refuse("it holds more than adapters of linear maps")
        }
        (projections, rank, alpha, dropoutRate) = ([], 0, 0, 0)
        for site in adapters.sites {
            guard let lora = adapters.linear[site] as? LoRA, lora.bias == nil else {
                throw refuse("the adapter at \(site) is not LoRA without a bias")
            }
            guard AdapterHubLoRA.places.contains(site.projection) else {
                throw refuse("its library puts no LoRA on '\(site.projection.rawValue)'")
            }
            if !projections.contains(site.projection) { projections.append(site.projection) }
            (rank, dropoutRate) = (max(rank, lora.a.rows), max(dropoutRate, lora.dropoutRate))
        }
        let layers = Set(adapters.sites.map(\.layer))
        leftOut = (0..<config.distinctLayers).filter { !layers.contains($0) }
        guard adapters.sites.count == layers.count * projections.count, rank > 0 else {
            throw refuse("its library has the same linear maps in every layer that it adapts")
        }
        // The scale of all, if it is one; else 1, and each B has its own.
        let scales = Set(adapters.linear.values.compactMap { ($0 as? LoRA)?.scale })
        alpha = (scales.count == 1 ? scales.first ?? 1 : 1) * Float(rank)
    }

    private static let places: [Projection] = attention.map(\.projection) + [.intermediate, .output]

    /// The object `config`.
    var fields: [String: Any] {
        let matrices = AdapterHubLoRA.attention.filter { projections.contains($0.projection) }.map(\.name)
        return [
            "architecture": "lora", "selfattn_lora": !matrices.isEmpty,
            "intermediate_lora": projections.contains(.intermediate), "output_lora": projections.contains(.output),
            "leave_out": leftOut, "r": rank, "alpha": PEFTConfiguration.plain(alpha),
            "dropout": AdapterHubFiles.decimal(dropoutRate), "attn_matrices": matrices.isEmpty ? ["q", "v"] : matrices,
            "composition_mode": "add", "init_weights": "lora", "init_weights_seed": AdapterHubFiles.null,
            "use_gating": false, "use_dora": false, "vera_d": AdapterHubFiles.null, "vera_b": AdapterHubFiles.null,
            "dtype": AdapterHubFiles.null,
        ]
    }

    /// The recipe that means the same.
    func recipe(for config: EncoderConfig) throws(AdapterError) -> AdapterRecipe {
        for layer in leftOut where !(0..<config.distinctLayers).contains(layer) {
            throw .noSuchLayer(layer, layers: config.distinctLayers)
        }
        guard !projections.isEmpty else { throw .nothingTargeted }
        for projection in projections where config.extents(of: projection) == nil {
            throw .noSuchProjection(projection, family: config.family.modelType, available: config.projections)
        }
        let layers = (0..<config.distinctLayers).filter { !leftOut.contains($0) }
        return AdapterRecipe(
            LoRAMethod(rank: rank, alpha: alpha, dropoutRate: dropoutRate), projections: projections,
            layers: leftOut.isEmpty ? nil : layers)
    }

    /// The adapters that a folder holds, with their values.
    func read(
        _ reader: inout AdapterHubReader
    ) throws(AdapterError) -> (adapters: AdapterSet, parameters: ParameterVector) {
        // Their starting values are all written over.
        let (adapters, start) = try recipe(for: reader.encoder.config).fresh(for: reader.encoder, seed: 0)
        var values = start
        for site in adapters.sites {
            guard let lora = adapters.linear[site] as? LoRA else { continue }
            for (part, parameter) in [("lora_A", lora.a), ("lora_B", lora.b)] {
                values[parameter] = try reader.read(
                    reader.names.lora(site) + part, shape: [parameter.rows, parameter.columns], rows: parameter.rows)
            }
        }
        return (adapters, values)
    }

    /// Adds the tensors of the adapters. A rank below the largest is filled up with zeros.
    func write(
        _ adapters: AdapterSet, _ parameters: ParameterVector, _ names: AdapterHubNames,
        into writer: inout SafetensorsWriter
    ) {
        for site in adapters.sites {
            guard let lora = adapters.linear[site] as? LoRA else { continue }
            let factor = lora.scale / (alpha / Float(rank))
            let (a, b) = (parameters[lora.a], parameters[lora.b])
            var filledA = Matrix(rows: rank, columns: a.columns)
            var filledB = Matrix(rows: b.rows, columns: rank)
            for row in 0..<a.rows { for column in 0..<a.columns { filledA[row, column] = a[row, column] } }
            for row in 0..<b.rows { for column in 0..<b.columns { filledB[row, column] = b[row, column] * factor } }
            writer.add(names.lora(site) + "lora_A", shape: [rank, a.columns], floats: filledA.values)
            writer.add(names.lora(site) + "lora_B", shape: [b.rows, rank], floats: filledB.values)
        }
    }
}
