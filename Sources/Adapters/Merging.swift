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
        var merged: [Site: FrozenLinear] = [:]
        for (site, weight) in try mergedWeights(adapters, parameters) {
            merged[site] = FrozenLinear(
                bias: self[site].bias, precision: self[site].precision,
                inputFactors: self[site].inputFactors, source: { weight })
        }
        return replacing(merged)
    }

    /// The new weight of each adapted site, [outputs, inputs].
    package func mergedWeights(
        _ adapters: AdapterSet, _ parameters: ParameterVector
    ) throws(AdapterError) -> [Site: Matrix] {
        var weights: [Site: Matrix] = [:]
        for (site, adapter) in adapters.linear {
            guard let adapter = adapter as? any MergeableAdapter else { throw .notMergeable(site: site.description) }
            weights[site] = adapter.merged(into: self[site], parameters)
        }
        return weights
    }
}
