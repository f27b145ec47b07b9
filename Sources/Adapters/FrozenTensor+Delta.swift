import Encoders
import Matrices

extension FrozenTensor {
    /// The parameter that is its change.
    func delta(for config: EncoderConfig) -> Parameter {
        let (rows, columns) = config.extents(of: self)
        return Parameter(name: deltaName, rows: rows, columns: columns)
    }

    private var deltaName: String {
        switch self {
        case .weight(let site): "\(site).weight"
        case .bias(let site): "\(site).bias"
        case .normScale(let site): "\(site).weight"
        case .normShift(let site): "\(site).bias"
        case .table(let table): "embeddings.\(table.rawValue)"
        case .projectionWeight: FrozenTensor.projection + ".weight"
        case .projectionBias: FrozenTensor.projection + ".bias"
        }
    }

    /// What the map that projects embeddings is called among adapters.
    static let projection = "embeddings.projection"

    /// Whether it is added to each row of something.
    var isBias: Bool {
        switch self {
        case .bias, .normShift, .projectionBias: true
        case .weight, .normScale, .table, .projectionWeight: false
        }
    }

    /// Whether it is the weight or the bias of a linear map.
    var isOfLinearMap: Bool {
        switch self {
        case .weight, .bias, .projectionWeight, .projectionBias: true
        case .normScale, .normShift, .table: false
        }
    }

    /// Whether it is γ or β of a norm.
    var isOfNorm: Bool {
        switch self {
        case .normScale, .normShift: true
        case .weight, .bias, .table, .projectionWeight, .projectionBias: false
        }
    }

    /// Its axes in a file.
    func shape(for config: EncoderConfig) -> [Int] {
        let (rows, columns) = config.extents(of: self)
        return isVector ? [columns] : [rows, columns]
    }
}

extension AdapterSet {
    /// These adapters, and room for the changes of some tensors.
    func changing(_ tensors: Set<FrozenTensor>, of config: EncoderConfig) -> AdapterSet {
        func delta(_ tensor: FrozenTensor) -> Parameter? { tensors.contains(tensor) ? tensor.delta(for: config) : nil }
        func map(
            _ name: String, _ weight: FrozenTensor, _ bias: FrozenTensor, over adapter: (any LinearAdapter)?
        ) -> (any LinearAdapter)? {
            if adapter is WeightDelta { return adapter }
            let unfrozen = adapter as? BiasDelta
            if tensors.contains(weight) {
                let (outputs, inputs) = config.extents(of: weight)
                let hasBias = tensors.contains(bias) || unfrozen != nil
                return WeightDelta(
                    name: name, inputs: inputs, outputs: outputs, hasBias: hasBias,
                    over: unfrozen.map(\.inner) ?? adapter)
            }
            guard tensors.contains(bias), unfrozen == nil else { return adapter }
            return BiasDelta(name: name, outputs: config.extents(of: bias).columns, over: adapter)
        }
        var (linear, norms, tables) = (linear, norms, embeddings?.tables ?? [:])
        for layer in 0..<config.distinctLayers {
            for projection in config.projections {
                let site = Site(layer: layer, projection: projection)
                linear[site] = map(site.description, .weight(site), .bias(site), over: linear[site])
            }
        }
        for site in config.normSites {
            let (scale, shift) = (delta(.normScale(site)), delta(.normShift(site)))
            let changed = NormDelta(scale: norms[site]?.scale ?? scale, shift: norms[site]?.shift ?? shift)
            if !changed.parameters.isEmpty { norms[site] = changed }
        }
        for table in config.embeddingTables { tables[table] = tables[table] ?? delta(.table(table)) }
        let projection = map(
            FrozenTensor.projection, .projectionWeight, .projectionBias, over: embeddings?.projection)
        let hasEmbeddings = !tables.isEmpty || projection != nil || embeddings?.adapters.isEmpty == false
        var changed = AdapterSet(
            linear, norms: norms,
            embeddings: hasEmbeddings
                ? EmbeddingDelta(tables: tables, projection: projection, adapters: embeddings?.adapters ?? [:]) : nil,
            blocks: blocks, outputs: outputs)
        (changed.prefixes, changed.prompt) = (prefixes, prompt)
        (changed.methodChanges, changed.parts) = (methodChanges, parts)
        return changed
    }
}
