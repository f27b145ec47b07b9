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
        var (values, linear) = ([Parameter: Matrix](), linear)
        // Where no rank is in use anywhere, nothing has been trained yet, and all are there.
        let all = linear.values.compactMap { $0.proper as? AdaLoRA }
        let isUntrained = all.allSatisfy { !$0.ranksInUse(parameters).contains(true) }
        for (site, adapter) in linear {
            guard let proper = adapter.proper as? any FiledAdapter, !(proper is AdaLoRA && isUntrained) else {
                continue
            }
            let (filed, own) = proper.filed(parameters)
            linear[site] = adapter.replacingProper(with: filed)
            values.merge(own) { _, new in new }
        }
        let adapters = values.isEmpty ? self : replacing(linear)
        var own = ParameterVector(adapters.parameters)
        for parameter in adapters.parameters { own[parameter] = values[parameter] ?? parameters[parameter] }
        return (adapters, own)
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
                over: inner.replacingProper(with: adapter))
        }
        return adapter
    }
}
