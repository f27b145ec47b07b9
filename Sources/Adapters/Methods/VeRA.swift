import Encoders
import Matrices

/// Vector-based random matrix adaptation of one frozen linear map (Kopiczko et al. 2024):
///
///     y = base(x) + b ⊙ (B (d ⊙ (A dropout(x))))
///
/// A and B are random, frozen and shared by all maps (``VeRAProjection``); d [rank] and b [outputs] train. b starts at zero, so
/// a fresh adapter changes nothing.
public struct VeRA: MergeableAdapter {
    /// d, one row of the rank.
    public let d: Parameter
    /// b, one row of the outputs.
    public let b: Parameter
    /// A and B.
    public let projection: VeRAProjection
    /// Share of x that is dropped on the adapter's path in training.
    public let dropoutRate: Float

    private let inputs: Int

    /// An adapter for a linear map of these extents. `name` is unique among adapters: parameters are called after it.
    ///
    /// - Precondition: the projection is at least as wide.
    public init(name: String, inputs: Int, outputs: Int, projection: VeRAProjection, dropoutRate: Float) {
        precondition(
            inputs <= projection.a.columns && outputs <= projection.b.rows, "the shared projection covers the map")
        d = Parameter(name: name + ".vera_lambda_d", rows: 1, columns: projection.rank)
        b = Parameter(name: name + ".vera_lambda_b", rows: 1, columns: outputs)
        (self.projection, self.dropoutRate, self.inputs) = (projection, dropoutRate, inputs)
    }

    /// d, then b.
    public var parameters: [Parameter] { [d, b] }

    /// b.
    public var upperParameters: [Parameter] { [b] }

    /// All of d is `start`; b stays zero.
    public func initialize(_ values: inout ParameterVector, start: Float) {
        values[d] = Matrix(rows: 1, columns: d.columns, values: repeatElement(start, count: d.columns))
    }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves dd and db and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let (frozen, basePullback) = base.forward(x, pass)
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let (dValues, bValues) = (pass.parameters[d].values, pass.parameters[b].values)
        let panels = projection.panels(inputs: inputs, outputs: b.columns)
        let mask = pass.mask(d.name, rate: dropoutRate)
        var dropped = x.values
        if let mask { dropped.drop(mask) }
        // h = x Aᵀ, v = (d ⊙ h) Bᵀ, y += b ⊙ v
        let h = Matrix.product(dropped, panels.aTransposed)
        let v = Matrix.product(h.multiplyingColumns(by: dValues), panels.bTransposed)
        var y = consume frozen
        y.add(v.multiplyingColumns(by: bValues))
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        let (trainsD, trainsB) = (pass.trains(d), pass.trains(b))
        return (
            y,
            { [d, b] dy, gradients, dx in
                basePullback(dy, &gradients, &dx)
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                if trainsB { gradients.addColumnSums(of: dy, times: v, to: b) }
                guard trainsD || dx.isWanted else { return }
                // dg = (b ⊙ dy) B with g = d ⊙ h
                let dg = Matrix.product(dy.multiplyingColumns(by: bValues), panels.b)
                if trainsD { gradients.addColumnSums(of: dg, times: h, to: d) }
                guard dx.isWanted else { return }
                var dDropped = Matrix.product(dg.multiplyingColumns(by: dValues), panels.a)
                if let mask { dDropped.drop(mask) }
                dx.add(dDropped)
            }
        )
    }

    /// W + (b ⊙ B) (d ⊙ A)
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        let a = projection.firstColumnsOfA(inputs).multiplyingRows(by: parameters[d].values)
        let b = projection.firstRowsOfB(b.columns).multiplyingRows(by: parameters[b].values)
        var weight = base.weight
        withViews(b, a) { views in
            weight.withMutableView { Product.compute(views[0], views[1], accumulating: true, into: $0) }
        }
        return weight
    }
}
