import Encoders
import Matrices

extension TransformerEncoder {
    /// The same encoder with the adapters' changes in its weights. This encoder stays as it is, bit for bit, so taking the
    /// merged one away is all there is to un-merging.
    ///
    /// - Throws: ``AdapterError/notMergeable(site:)`` for a method that is no change of a weight.
    public func merging(
        _ adapters: AdapterSet, _ parameters: ParameterVector
    ) throws(AdapterError) -> TransformerEncoder {
        replacing(try mergedTensors(adapters, parameters))
    }

    /// The new numbers of each tensor that the adapters change.
    package func mergedTensors(
        _ adapters: AdapterSet, _ parameters: ParameterVector
    ) throws(AdapterError) -> [FrozenTensor: Matrix] {
        for part in adapters.parts {
            if let place = part.adapters.firstUnmergeable {
                throw .notMergeable(site: "\(place) (part \(part.name))")
            }
        }
        if !adapters.prefixes.isEmpty { throw .notMergeable(site: "the attention of each layer") }
        if adapters.prompt != nil { throw .notMergeable(site: "the embeddings") }
        guard adapters.hasOnlyMapsNormsAndTables else { throw .notMergeable(site: "blocks or texts") }
        var merged: [FrozenTensor: Matrix] = [:]
        if let site = adapters.blockSites.first { throw .notMergeable(site: "\(site)") }
        if let layer = adapters.outputs.keys.min() { throw .notMergeable(site: "layer.\(layer)") }
        func merge(
            _ adapter: any LinearAdapter, into map: FrozenLinear, _ name: String, _ weight: FrozenTensor,
            _ bias: FrozenTensor
        ) throws(AdapterError) {
            guard let adapter = adapter as? any MergeableAdapter, adapter.isMergeable else {
                throw .notMergeable(site: name)
            }
            if adapter.changesWeight {
                merged[weight] = adapter.merged(into: map, parameters)
            }
            let newBias = adapter.mergedBias(into: map, parameters)
            if newBias != map.bias, !config.tensors.contains(bias) { throw .noBias(site: name) }
            if newBias != map.bias { merged[bias] = Matrix(rows: 1, columns: newBias.count, values: newBias) }
        }
        for (site, adapter) in adapters.linear {
            try merge(adapter, into: self[site], site.description, .weight(site), .bias(site))
        }
        if let projection = adapters.embeddings?.projection, let map = embeddingProjection {
            try merge(projection, into: map, FrozenTensor.projection, .projectionWeight, .projectionBias)
        }
        for (table, adapter) in adapters.embeddings?.adapters ?? [:] {
            let tensor = FrozenTensor.table(table)
            let own =
                adapters.embeddings?.tables[table].map { changed(tensor, by: $0, parameters) } ?? values(of: tensor)
            merged[tensor] = adapter.merged(into: own, parameters)
        }
        for (tensor, parameter) in adapters.deltas where merged[tensor] == nil && !tensor.isOfLinearMap {
            merged[tensor] = changed(tensor, by: parameter, parameters)
        }
        return merged
    }
}

extension MergeableAdapter {
    /// Whether it is more than a change of the bias.
    fileprivate var changesWeight: Bool { (self as? BiasDelta).map { $0.inner != nil } ?? true }

    /// Whether all that it wraps is a change of the weight too.
    fileprivate var isMergeable: Bool {
        let sum = (self as? AdapterSum) ?? (self as? AdditiveSum)?.sum
        if let sum { return sum.terms.allSatisfy { ($0.adapter as? any MergeableAdapter)?.isMergeable ?? false } }
        let inner = (self as? WeightDelta)?.inner ?? (self as? BiasDelta)?.inner
        return inner.map { ($0 as? any MergeableAdapter)?.isMergeable ?? false } ?? true
    }
}

extension AdapterSet {
    /// The first place of it that is no change of a weight; nil where all of it can be merged.
    fileprivate var firstUnmergeable: String? {
        if !prefixes.isEmpty { return "the attention of each layer" }
        if prompt != nil { return "the embeddings" }
        if let site = blockSites.first { return "\(site)" }
        if let layer = outputs.keys.min() { return "layer.\(layer)" }
        return sites.first { site in
            (linear[site] as? any MergeableAdapter).map { !$0.isMergeable } ?? true
        }?.description
    }
}
