import Matrices

/// The feed-forward block of a layer, some rows at a time:
///
///     1. u = activation(intermediate(x)), or activation(gate(x)) ⊙ intermediate(x)
///     2. z = output(u)
struct FeedForward: Sendable {
    let activation: Activation

    /// Adds the gradient of x to `dx`, from that of z.
    typealias Pullback =
        @Sendable (_ dz: Matrix, _ gradients: inout Gradients, _ dx: inout InputGradient) -> Void

    /// z [rows, hidden] of x [rows, hidden].
    func forward(
        _ x: Matrix, _ maps: LayerMaps, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (z: Matrix, pullback: Pullback) {
        // 1.
        let (preActivation, intermediatePullback) = maps.project(
            .intermediate, LinearInput(x, for: maps[.intermediate]), adapters, plan, pass)
        let (u, activationPullback) = activation.forward(
            preActivation, pass.wanting(plan.reachesExpansion))
        // 2.
        let (z, outputPullback) = maps.project(.output, LinearInput(u, for: maps[.output]), adapters, plan, pass)
        return (
            z,
            { [width = u.columns] dz, gradients, dx in
                // 2.
                var du = plan.reachesExpansion ? Matrix(uninitializedRows: dz.rows, columns: width) : .empty
                du.withMutableView {
                    var du = plan.reachesExpansion ? InputGradient(into: $0) : .unwanted
                    outputPullback(dz, &gradients, &du)
                }
                guard plan.reachesExpansion else { return }
                // 1.
                intermediatePullback(activationPullback(du), &gradients, &dx)
            }
        )
    }
}
