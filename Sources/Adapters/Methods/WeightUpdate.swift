import Encoders
import Matrices

/// A change ΔW [outputs, inputs] of a frozen weight that is made of smaller matrices, and not as a product of two:
///
///     y = x (W + ΔW)ᵀ + b
///
/// With a base in float32 that is one product, W + ΔW being packed once for all passes that share their values. Below that, and
/// where something is dropped, W stays as it is and x ΔWᵀ is a product of its own, in float32.
protocol WeightUpdate: MergeableAdapter {
    /// What of it is dropped in training.
    var dropout: UpdateDropout { get }
    /// Two of the parameters, under which a pass keeps what was made of all.
    var keys: (whole: Parameter, alone: Parameter) { get }
    /// ΔW.
    func update(_ parameters: ParameterVector) -> Matrix
    /// Leaves the gradients of what trains, from that of ΔW.
    func addGradients(of dUpdate: Matrix, _ pass: Pass, to gradients: inout Gradients)
}

extension WeightUpdate {
    func forwardUpdated(
        _ x: LinearInput, _ base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let kept = dropout.keptOutputs(keys.whole.name, count: base.outputs, pass)
        let (y, pullback) =
            base.precision == .float32 && kept == nil
            ? forward(x, inOne: base, pass) : forward(x, beside: base, kept, pass)
        guard pass.demand > .nothing, parameters.contains(where: pass.trains) else { return (y, pullback) }
        return (
            y,
            { [values = x.values] dy, gradients, dx in
                pullback(dy, &gradients, &dx)
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                // dΔW = dyᵀ x
                var dUpdate = Matrix(uninitializedRows: dy.columns, columns: values.columns)
                withViews(kept.map { dy.multiplyingColumns(by: $0) } ?? dy, values) { views in
                    dUpdate.withMutableView { Product.compute(views[0].transposed, views[1], into: $0) }
                }
                self.addGradients(of: dUpdate, pass, to: &gradients)
            }
        )
    }

    /// Through W + ΔW.
    private func forward(
        _ x: LinearInput, inOne base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let changed = pass.changedMaps.map(of: keys.whole) {
            FrozenLinear(
                bias: base.bias, precision: .float32, inputFactors: base.inputFactors,
                source: { [parameters = pass.parameters] in self.merged(into: base, parameters) })
        }
        return changed.forward(x, pass)
    }

    /// Through W, and beside it through ΔW.
    private func forward(
        _ x: LinearInput, beside base: FrozenLinear, _ kept: [Float]?, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let (frozen, basePullback) = base.forward(x, pass)
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let update = pass.changedMaps.map(of: keys.alone) {
            FrozenLinear(
                bias: [Float](repeating: 0, count: base.outputs), precision: .float32,
                source: { [parameters = pass.parameters] in self.update(parameters) })
        }
        let (change, changePullback) = update.forward(LinearInput(x.values, for: update), pass)
        var y = consume frozen
        y.add(kept.map { change.multiplyingColumns(by: $0) } ?? change)
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        return (
            y,
            { dy, gradients, dx in
                basePullback(dy, &gradients, &dx)
                guard dx.isWanted else { return }
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                changePullback(kept.map { dy.multiplyingColumns(by: $0) } ?? dy, &gradients, &dx)
            }
        )
    }

    /// W + ΔW
    func mergedUpdate(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        var weight = base.weight
        weight.add(update(parameters))
        return weight
    }
}
