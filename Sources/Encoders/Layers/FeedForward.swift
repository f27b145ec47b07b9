import Matrices

/// The feed-forward block of a layer, some rows at a time:
///
///     1. u = activation(intermediate(x)), or activation(gate(x)) ⊙ intermediate(x)
///     2. z = output(u)
struct FeedForward: Sendable {
    let shape: EncoderConfig.FeedForwardShape
    let activation: Activation

    /// Adds the gradient of x to `dx`, from that of z.
    typealias Pullback =
        @Sendable (_ dz: Matrix, _ gradients: inout Gradients, _ dx: inout InputGradient) -> Void

    /// z [rows, hidden] of x [rows, hidden].
    func forward(
        _ x: Matrix, _ maps: LayerMaps, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (z: Matrix, pullback: Pullback) {
        // 1.
        let (u, expansionPullback) = expand(LinearInput(x, for: maps[.intermediate]), maps, adapters, plan, pass)
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
                // 1.
                if plan.reachesExpansion { expansionPullback(du, &gradients, &dx) }
            }
        )
    }

    /// Step 1: u [rows, intermediate].
    private func expand(
        _ x: LinearInput, _ maps: LayerMaps, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (u: Matrix, pullback: Pullback) {
        let activationPass = pass.wanting(plan.reachesExpansion)
        let (expanded, intermediatePullback) = maps.project(.intermediate, x, adapters, plan, pass)
        guard shape == .gated else {
            let (u, pullback) =
                shape == .plain
                ? activation.forward(expanded, activationPass)
                : activation.forward(halvesOf: expanded, activationPass)
            return (u, { du, gradients, dx in intermediatePullback(pullback(du), &gradients, &dx) })
        }
        let (gate, gatePullback) = maps.project(.gate, x, adapters, plan, pass)
        let (u, pullback) = activation.forward(gate: gate, expanded, activationPass)
        return (
            u,
            { du, gradients, dx in
                let (dGate, dExpanded) = pullback(du)
                intermediatePullback(dExpanded, &gradients, &dx)
                gatePullback(dGate, &gradients, &dx)
            }
        )
    }
}
