import Matrices

/// The frozen linear maps of one layer, and how a row goes through one of them: by itself, or through an adapter.
struct LayerMaps: Sendable {
    /// The layer of the adapters' sites: that of the weights, which several layers may share.
    let layer: Int
    var linear: [Projection: FrozenLinear]

    /// The map of a projection that this layer has.
    subscript(projection: Projection) -> FrozenLinear {
        guard let map = linear[projection] else {
            preconditionFailure("layers of this encoder have no map \(projection.rawValue)")
        }
        return map
    }

    /// y = x through the frozen map of `projection`, and through its adapter where there is one.
    func project(
        _ projection: Projection, _ x: LinearInput, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let (map, pass) = (self[projection], pass.demanding(plan.demand(of: projection)))
        guard let adapter = adapters.linear[Site(layer: layer, projection: projection)] else {
            return map.forward(x.read(by: map), pass)
        }
        return adapter.forward(x.read(by: map), through: map, pass)
    }
}
