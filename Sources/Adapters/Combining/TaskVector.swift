import Encoders
import Matrices

/// All that an adapter changes of an encoder, in terms of the encoder's own tensors: what can be added, negated and pruned
/// (Ilharco et al. 2023).
struct TaskVector {
    /// The changes of linear maps' weights by adapters on them.
    private(set) var maps: [Site: WeightChange] = [:]
    /// The changes of other tensors, of unfrozen weights among them; vectors are single rows.
    private(set) var tensors: [FrozenTensor: DoubleMatrix] = [:]

    /// What `bundle`, called `name` in errors, changes of `encoder`.
    ///
    /// - Throws: ``CombiningError/noChangeOfWeights(adapter:part:)`` for a part that is none.
    init(_ bundle: AdapterBundle, named name: String, on encoder: TransformerEncoder) throws(CombiningError) {
        let (adapters, values) = (bundle.adapters, bundle.parameters)
        for (tensor, delta) in adapters.deltas { tensors[tensor] = DoubleMatrix(values[delta]) }
        for site in adapters.sites {
            guard let adapter = adapters.linear[site], let proper = adapter.proper else { continue }
            guard let change = change(by: adapter, proper, on: encoder[site], .weight(site), .bias(site), values) else {
                throw .noChangeOfWeights(adapter: name, part: site.description)
            }
            maps[site] = change.weight
            if let bias = change.bias { add(bias, to: .bias(site)) }
        }
        if let adapter = adapters.embeddings?.projection, let proper = adapter.proper,
            let map = encoder.embeddingProjection
        {
            guard let change = change(by: adapter, proper, on: map, .projectionWeight, .projectionBias, values) else {
                throw .noChangeOfWeights(adapter: name, part: FrozenTensor.projection)
            }
            add(change.weight.dense, to: .projectionWeight)
            if let bias = change.bias { add(bias, to: .projectionBias) }
        }
        // Whatever else an adapter set has computes something that no weight of the encoder does.
        let known = Set(
            adapters.linear.values.flatMap(\.parameters) + (adapters.embeddings?.projection?.parameters ?? [])
                + adapters.deltas.values)
        if let other = adapters.parameters.first(where: { !known.contains($0) }) {
            throw .noChangeOfWeights(adapter: name, part: other.name)
        }
    }

    /// What `proper`, the adapter within `adapter`, does to a map's weight and bias, beside what is unfrozen of them; nil if it
    /// is no change of these.
    private func change(
        by adapter: any LinearAdapter, _ proper: any LinearAdapter, on map: FrozenLinear, _ weight: FrozenTensor,
        _ bias: FrozenTensor, _ values: ParameterVector
    ) -> (weight: WeightChange, bias: DoubleMatrix?)? {
        guard let whole = adapter as? any MergeableAdapter, let proper = proper as? any MergeableAdapter else {
            return nil
        }
        let unfrozen = tensors[bias].map { zip(map.bias, $0.values).map { Float(Double($0) + $1) } } ?? map.bias
        let merged = proper.mergedBias(into: FrozenLinear(map, bias: unfrozen), values)
        let shift = zip(merged, unfrozen).map { Double($0) - Double($1) }
        let ownBias =
            merged == unfrozen ? nil : DoubleMatrix(rows: 1, columns: shift.count, values: shift)
        if let factors = (proper as? any LowRankAdapter)?.factors(values) {
            return (.lowRank(factors), ownBias)
        }
        if let dora = proper as? DoRA, tensors[weight] == nil { return (.dense(dora.change(of: map, values)), ownBias) }
        var change = DoubleMatrix(whole.merged(into: map, values))
        change.add(DoubleMatrix(map.weight), scale: -1)
        if let unfrozen = tensors[weight] { change.add(unfrozen, scale: -1) }
        return (.dense(change), ownBias)
    }

    private mutating func add(_ change: DoubleMatrix, to tensor: FrozenTensor) {
        tensors[tensor, default: DoubleMatrix(rows: change.rows, columns: change.columns)].add(change)
    }
}

extension DoRA {
    /// g ⊙ (W + s · B A) − W in double precision: as the difference of two float32 weights half of the digits would be gone.
    fileprivate func change(of map: FrozenLinear, _ values: ParameterVector) -> DoubleMatrix {
        let weight = DoubleMatrix(map.weight)
        var whole = DoubleMatrix(values[lora.b]) * DoubleMatrix(values[lora.a])
        whole = whole.multiplied(by: Double(lora.scale))
        whole.add(weight)
        let lengths = values[magnitude].values
        for row in 0..<whole.rows {
            let norm = (0..<whole.columns).reduce(0) { $0 + whole[row, $1] * whole[row, $1] }.squareRoot()
            // What has no direction has no length.
            let gain = norm == 0 ? 0 : Double(lengths[row]) / norm
            for column in 0..<whole.columns { whole[row, column] = gain * whole[row, column] - weight[row, column] }
        }
        return whole
    }
}
