import Encoders
import Matrices

/// A frozen linear map whose bias alone trains (BitFit, Ben Zaken et al. 2021), under the adapter that the map has besides, if
/// any: y = x Wᵀ + b + Δb. Δb [1, outputs] starts at zero.
public struct BiasDelta: MergeableAdapter {
    /// Δb [1, outputs].
    public let bias: Parameter
    /// An adapter on the changed map.
    public let inner: (any LinearAdapter)?
    /// Whether the bias trains because and when its adapter does (PEFT's `bias: lora_only`), and not for itself.
    public let isOfAdapter: Bool

    /// A change of the bias of a linear map with so many outputs. `name` is unique among adapters: the parameter is called
    /// after it.
    public init(name: String, outputs: Int, over inner: (any LinearAdapter)? = nil, isOfAdapter: Bool = false) {
        bias = Parameter(name: name + ".bias", rows: 1, columns: outputs)
        (self.inner, self.isOfAdapter) = (inner, isOfAdapter)
    }

    /// Δb, then those of the inner adapter.
    public var parameters: [Parameter] { [bias] + (inner?.parameters ?? []) }

    /// Those of the inner adapter.
    public var upperParameters: [Parameter] { inner?.upperParameters ?? [] }

    /// Those of the inner adapter.
    public var fixedParameters: [Parameter] { inner?.fixedParameters ?? [] }

    /// Δb and those of the inner adapter.
    public var undecayedParameters: [Parameter] { [bias] + (inner?.undecayedParameters ?? []) }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves db and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let changed = pass.changedMaps.map(of: bias) { self.changed(base, pass.parameters) }
        let (y, pullback) = inner?.forward(x, through: changed, pass) ?? changed.forward(x, pass)
        guard pass.demand > .nothing, pass.trains(bias) else { return (y, pullback) }
        return (
            y,
            { [bias] dy, gradients, dx in
                gradients.addRowSum(of: dy, to: bias)
                pullback(dy, &gradients, &dx)
            }
        )
    }

    private func changed(_ base: FrozenLinear, _ parameters: ParameterVector) -> FrozenLinear {
        FrozenLinear(base, bias: parameters.sum(of: base.bias, and: bias))
    }

    /// W, or what the inner adapter makes of it.
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        (inner as? any MergeableAdapter)?.merged(into: base, parameters) ?? base.weight
    }

    /// b + Δb, and what the inner adapter adds to that.
    public func mergedBias(into base: FrozenLinear, _ parameters: ParameterVector) -> [Float] {
        let changed = changed(base, parameters)
        return (inner as? any MergeableAdapter)?.mergedBias(into: changed, parameters) ?? changed.bias
    }
}
