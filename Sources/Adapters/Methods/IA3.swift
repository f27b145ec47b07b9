import Encoders
import Matrices

/// Infused adapter by inhibiting and amplifying inner activations (Liu et al. 2022): a factor for each output of a frozen linear
/// map, or for each input where it leads out of a block:
///
///     y = l ⊙ base(x)     or     y = base(l ⊙ x)
///
/// The factors start at 1, so a fresh adapter changes nothing.
public struct IA3: MergeableAdapter {
    /// l, one row.
    public let factors: Parameter
    /// Whether the factors are of the inputs.
    public let scalesInput: Bool

    /// Factors for a linear map of these extents. `name` is unique among adapters: the parameter is called after it.
    public init(name: String, inputs: Int, outputs: Int, scalesInput: Bool) {
        factors = Parameter(name: name + ".ia3_l", rows: 1, columns: scalesInput ? inputs : outputs)
        self.scalesInput = scalesInput
    }

    /// The factors.
    public var parameters: [Parameter] { [factors] }

    /// The factors, which would not go back to 1 as they shrink.
    public var undecayedParameters: [Parameter] { [factors] }

    /// Ones.
    public func initialize(_ values: inout ParameterVector) {
        values[factors] = Matrix(rows: 1, columns: factors.columns, values: repeatElement(1, count: factors.columns))
    }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves dl and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        scalesInput ? forwardScaled(x, base, pass) : forwardScaling(x, base, pass)
    }

    /// y = l ⊙ z with z = base(x); dl = Σ dy ⊙ z, dz = l ⊙ dy.
    private func forwardScaling(
        _ x: LinearInput, _ base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let (z, basePullback) = base.forward(x, pass)
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let l = pass.parameters[factors].values
        let y = z.multiplyingColumns(by: l)
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        let trainsFactors = pass.trains(factors)
        return (
            y,
            { [factors] dy, gradients, dx in
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                if trainsFactors { gradients.addColumnSums(of: dy, times: z, to: factors) }
                guard dx.isWanted else { return }
                basePullback(dy.multiplyingColumns(by: l), &gradients, &dx)
            }
        )
    }

    /// y = base(u) with u = l ⊙ x; dl = Σ du ⊙ x, dx = l ⊙ du.
    private func forwardScaled(
        _ x: LinearInput, _ base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let l = pass.parameters[factors].values
        // The way back to the factors leads through the map, whoever else reads the input's gradient.
        let (y, basePullback) = base.forward(
            LinearInput(x.values.multiplyingColumns(by: l), for: base), pass.reachingInput)
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        let trainsFactors = pass.trains(factors)
        return (
            y,
            { [factors, values = x.values] dy, gradients, dx in
                guard trainsFactors || dx.isWanted else { return }
                let du = inputGradient(of: dy, by: basePullback, columns: values.columns, &gradients)
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                if trainsFactors { gradients.addColumnSums(of: du, times: values, to: factors) }
                guard dx.isWanted else { return }
                dx.add(du.multiplyingColumns(by: l))
            }
        )
    }

    /// W with its rows, or its columns, times the factors.
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        let (weight, l) = (base.weight, parameters[factors].values)
        return scalesInput ? weight.multiplyingColumns(by: l) : weight.multiplyingRows(by: l)
    }

    /// l ⊙ b, where the factors are of the outputs.
    public func mergedBias(into base: FrozenLinear, _ parameters: ParameterVector) -> [Float] {
        scalesInput ? base.bias : zip(parameters[factors].values, base.bias).map { $0 * $1 }
    }
}
