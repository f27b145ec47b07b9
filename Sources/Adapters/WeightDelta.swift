import Encoders
import Matrices

/// A frozen linear map that trains after all: a change of its weight of full rank, and one of its bias, both starting at
/// zero, under the adapter that the map has besides, if any:
///
///     y = x (W + ΔW)ᵀ + b + Δb,   ΔW [outputs, inputs], Δb [1, outputs]
///
/// With a base in float32 that is one product: W + ΔW is packed once for all passes that share their values. Below that W stays
/// in the base's precision and x ΔWᵀ is a product of its own, in float32, so that small changes are not rounded away; unless
/// the adapter besides does more than add to what the map gives, as DoRA does: that goes through W + ΔW, rounded.
public struct WeightDelta: MergeableAdapter {
    /// ΔW [outputs, inputs].
    public let weight: Parameter
    /// Δb [1, outputs]; nil: the map has no bias.
    public let bias: Parameter?
    /// An adapter on the changed map.
    public let inner: (any LinearAdapter)?

    /// A change of a linear map of these extents. `name` is unique among adapters: parameters are called after it.
    public init(name: String, inputs: Int, outputs: Int, hasBias: Bool, over inner: (any LinearAdapter)? = nil) {
        weight = Parameter(name: name + ".weight", rows: outputs, columns: inputs)
        bias = hasBias ? Parameter(name: name + ".bias", rows: 1, columns: outputs) : nil
        self.inner = inner
    }

    /// ΔW, Δb, then those of the inner adapter.
    public var parameters: [Parameter] { [weight] + [bias].compactMap { $0 } + (inner?.parameters ?? []) }

    /// Those of the inner adapter.
    public var upperParameters: [Parameter] { inner?.upperParameters ?? [] }

    /// Those of the inner adapter.
    public var fixedParameters: [Parameter] { inner?.fixedParameters ?? [] }

    /// Δb and those of the inner adapter.
    public var undecayedParameters: [Parameter] { [bias].compactMap { $0 } + (inner?.undecayedParameters ?? []) }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves dW and db and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let (y, pullback) =
            base.precision == .float32 || !(inner == nil || inner is LoRA)
            ? forward(x, inOne: base, pass) : forward(x, beside: base, pass)
        guard pass.demand > .nothing else { return (y, pullback) }
        let trainedBias = bias.flatMap { pass.trains($0) ? $0 : nil }
        guard pass.trains(weight) || trainedBias != nil else { return (y, pullback) }
        let trainedWeight = pass.trains(weight) ? weight : nil
        return (
            y,
            { [values = x.values] dy, gradients, dx in
                let mark = Profile.enter(.adapter)
                if let trainedWeight {
                    // dW += dyᵀ x
                    withViews(dy, values) { gradients.addProduct($0[0].transposed, $0[1], to: trainedWeight) }
                }
                if let trainedBias { gradients.addRowSum(of: dy, to: trainedBias) }
                mark.leave()
                pullback(dy, &gradients, &dx)
            }
        )
    }

    /// Through W + ΔW.
    private func forward(
        _ x: LinearInput, inOne base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let changed = pass.changedMaps.map(of: weight) { self.changed(base, pass.parameters) }
        return inner?.forward(x, through: changed, pass) ?? changed.forward(x, pass)
    }

    /// Through W, and beside it through ΔW.
    private func forward(
        _ x: LinearInput, beside base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let delta = pass.changedMaps.map(of: weight) { [weight, bias, values = pass.parameters] in
            let shift = bias.map { values[$0].values } ?? [Float](repeating: 0, count: base.outputs)
            return FrozenLinear(bias: shift, precision: .float32, source: { values[weight] })
        }
        let (frozen, basePullback) = inner?.forward(x, through: base, pass) ?? base.forward(x, pass)
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let (change, changePullback) = delta.forward(LinearInput(x.values, for: delta), pass)
        var y = consume frozen
        y.add(change)
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        return (
            y,
            { dy, gradients, dx in
                basePullback(dy, &gradients, &dx)
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                changePullback(dy, &gradients, &dx)
            }
        )
    }

    /// The base with ΔW and Δb in it, packed. The unpacked weight is added up again where somebody asks for it: kept, it
    /// would take as much memory as the packed one.
    private func changed(_ base: FrozenLinear, _ parameters: ParameterVector) -> FrozenLinear {
        FrozenLinear(
            bias: ownBias(base, parameters), precision: base.precision, inputFactors: base.inputFactors,
            source: { [self] in ownWeight(base, parameters) })
    }

    /// W + ΔW
    private func ownWeight(_ base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        var changed = base.weight
        parameters.withView(of: weight) { delta in changed.withMutableView { $0.add(delta) } }
        return changed
    }

    /// b + Δb
    private func ownBias(_ base: FrozenLinear, _ parameters: ParameterVector) -> [Float] {
        bias.map { parameters.sum(of: base.bias, and: $0) } ?? base.bias
    }

    /// W + ΔW, and what the inner adapter adds to that.
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        guard let inner = inner as? any MergeableAdapter else { return ownWeight(base, parameters) }
        return inner.merged(into: changed(base, parameters), parameters)
    }

    /// b + Δb, and what the inner adapter adds to that.
    public func mergedBias(into base: FrozenLinear, _ parameters: ParameterVector) -> [Float] {
        guard let inner = inner as? any MergeableAdapter else { return ownBias(base, parameters) }
        return inner.mergedBias(into: changed(base, parameters), parameters)
    }
}
