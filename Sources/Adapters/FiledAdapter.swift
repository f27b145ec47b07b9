import Encoders
import Matrices

/// An adapter that its library's files hold as another one, which computes the same.
protocol FiledAdapter: LinearAdapter {
    /// The adapter in the file, and the values of its parameters.
    func filed(_ parameters: ParameterVector) -> (adapter: any LinearAdapter, values: [Parameter: Matrix])
}

extension AdapterSet {
    /// The same adapters as their files hold them, and their values. `parameters` may hold more than theirs.
    func filed(_ parameters: ParameterVector) -> (adapters: AdapterSet, parameters: ParameterVector) {
        var (values, changed) = ([Parameter: Matrix](), [AdaptedModule: any LinearAdapter]())
        // Where no rank is in use anywhere, nothing has been trained yet, and all are there.
        let all = linear.values.compactMap { $0.proper as? AdaLoRA }
        let isUntrained = all.allSatisfy { !$0.ranksInUse(parameters).contains(true) }
        func file(_ adapter: (any LinearAdapter)?, _ module: AdaptedModule) {
            guard let proper = adapter?.proper as? any FiledAdapter, !(proper is AdaLoRA && isUntrained) else { return }
            let (filed, own) = proper.filed(parameters)
            changed[module] = filed
            values.merge(own) { _, new in new }
        }
        for (site, adapter) in linear { file(adapter, .linear(site)) }
        file(embeddings?.projection, .embeddingProjection)
        let adapters = replacingProper(with: changed)
        var own = ParameterVector(adapters.parameters)
        for parameter in adapters.parameters { own[parameter] = values[parameter] ?? parameters[parameter] }
        return (adapters, own)
    }

    /// The same with other adapters proper on some linear maps, under what is unfrozen of these.
    func replacingProper(with changed: [AdaptedModule: any LinearAdapter]) -> AdapterSet {
        guard !changed.isEmpty else { return self }
        var linear = linear
        for (site, adapter) in linear {
            if let proper = changed[.linear(site)] { linear[site] = adapter.replacingProper(with: proper) }
        }
        var embeddings = embeddings
        if let own = embeddings, let projection = own.projection, let proper = changed[.embeddingProjection] {
            embeddings = EmbeddingDelta(
                tables: own.tables, projection: projection.replacingProper(with: proper), adapters: own.adapters)
        }
        return replacing(linear, embeddings: embeddings)
    }
}

extension LinearAdapter {
    /// The same with another adapter under what is unfrozen of the map.
    fileprivate func replacingProper(with adapter: any LinearAdapter) -> any LinearAdapter {
        if let delta = self as? WeightDelta, let inner = delta.inner {
            return WeightDelta(
                name: String(delta.weight.name.dropLast(".weight".count)), inputs: delta.weight.columns,
                outputs: delta.weight.rows, hasBias: delta.bias != nil, over: inner.replacingProper(with: adapter))
        }
        if let delta = self as? BiasDelta, let inner = delta.inner {
            return BiasDelta(
                name: String(delta.bias.name.dropLast(".bias".count)), outputs: delta.bias.columns,
                over: inner.replacingProper(with: adapter), isOfAdapter: delta.isOfAdapter)
        }
        return adapter
    }
}
