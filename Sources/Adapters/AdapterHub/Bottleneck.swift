import Encoders
import Matrices

/// A bottleneck behind a block of the encoder, or beside it, as AdapterHub's library computes it (Houlsby et al. 2019, Pfeiffer
/// et al. 2020, He et al. 2021, and Compacter, Mahabadi et al. 2021).
///
/// With f the block's result, x the residual, and `sum` what the encoder does with the two:
///
///     1. h = f, or sum(f, x);   r = f, f + x or h              beside: h = x
///     2. u = scale · up(act(down(norm(h))))
///     3. o = norm(dropout(u) + r), or norm(dropout(u)) + r     beside: norm(dropout(u)) + f
///     4. y = sum(o, x), or o
///
/// Each norm of its own, and each sum but the one with r, is there where the settings say so.
public struct Bottleneck: BlockAdapter, Equatable {
    let wiring: BottleneckWiring
    let normBefore, normAfter: TrainedNorm?
    let down, up: BottleneckMap
    let activation: ActivationKind
    let scaling: Scaling
    let dropoutRate: Float
    private let name: String

    /// What the result of the two maps is multiplied with.
    enum Scaling: Sendable, Equatable {
        case constant(Float)
        /// One factor [1, 1], or one a column [1, hidden].
        case trained(Parameter)
    }

    init(
        name: String, wiring: BottleneckWiring, normBefore: TrainedNorm?, down: BottleneckMap,
        activation: ActivationKind, up: BottleneckMap, scaling: Scaling, normAfter: TrainedNorm?, dropoutRate: Float
    ) {
        (self.name, self.wiring, self.normBefore, self.down) = (name, wiring, normBefore, down)
        (self.activation, self.up, self.scaling) = (activation, up, scaling)
        (self.normAfter, self.dropoutRate) = (normAfter, dropoutRate)
    }

    /// In the order of computing.
    public var parameters: [Parameter] {
        (normBefore?.parameters ?? []) + down.parameters + up.parameters + scalingParameters
            + (normAfter?.parameters ?? [])
    }

    /// Those of the way up.
    public var upperParameters: [Parameter] { up.parameters }

    var scalingParameters: [Parameter] { if case .trained(let factor) = scaling { [factor] } else { [] } }

    /// y [rows, hidden] of the block's result and the residual; the pullback leaves what trains.
    public func forward(
        _ result: Matrix, _ residual: Matrix, _ sum: BlockSum, _ pass: Pass
    ) -> (y: Matrix, pullback: BlockPullback) {
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        // 1.
        let (h, r, entryPullback) = wiring.enter(result, residual, sum, pass)
        // 2.
        let (expanded, expansionPullback) = expand(h, pass)
        // 3.
        var u = consume expanded
        let mask = pass.mask(name, rate: dropoutRate)
        if let mask { u.drop(mask) }
        let isNormedWithResidual = wiring.isResidualInNorm && !wiring.isParallel
        if isNormedWithResidual { u.add(r) }
        let (normed, normPullback) = normAfter?.forward(u, pass) ?? (u, Bottleneck.passing)
        var o = normed
        if !isNormedWithResidual { o.add(r) }
        // 4.
        let (y, exitPullback) = wiring.leave(o, residual, sum, pass)
        guard pass.demand > .nothing else { return (y, { _, _ in (.empty, .empty) }) }
        return (
            y,
            { dy, gradients in
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                // 4.
                let (dO, dExit) = exitPullback(dy, &gradients)
                // 3.
                var du = normPullback(dO, &gradients)
                let dr = isNormedWithResidual ? du : dO
                if let mask { du.drop(mask) }
                // 2.
                let dh = expansionPullback(du, &gradients)
                // 1.
                return entryPullback(dh, dr, dExit, &gradients)
            }
        )
    }

    /// The way back through nothing.
    static let passing: Pullback = { dy, _ in dy }

    /// Step 2: u [rows, hidden] of h; the pullback leaves what trains and gives dh.
    func expand(
        _ h: Matrix, _ pass: Pass
    ) -> (u: Matrix, pullback: @Sendable (_ du: Matrix, _ gradients: inout Gradients) -> Matrix) {
        let (normed, normPullback) = normBefore?.forward(h, pass) ?? (h, Bottleneck.passing)
        let (d, downPullback) = down.forward(normed, pass)
        let a = d.activate(activation)
        let (unscaled, upPullback) = up.forward(a, pass)
        let (u, scalePullback) = scale(unscaled, pass)
        guard pass.demand > .nothing else { return (u, { _, _ in .empty }) }
        return (
            u,
            { [activation] du, gradients in
                let da = upPullback(scalePullback(du, &gradients), &gradients)
                let dNormed = downPullback(d.activatePullback(da, activation), &gradients)
                return normPullback(dNormed, &gradients)
            }
        )
    }

    private func scale(
        _ u: Matrix, _ pass: Pass
    ) -> (u: Matrix, pullback: @Sendable (_ du: Matrix, _ gradients: inout Gradients) -> Matrix) {
        switch scaling {
        case .constant(1): return (u, { du, _ in du })
        case .constant(let factor):
            let factors = [Float](repeating: factor, count: u.columns)
            return (u.multiplyingColumns(by: factors), { du, _ in du.multiplyingColumns(by: factors) })
        case .trained(let parameter):
            let values = pass.parameters[parameter].values
            let factors = values.count == u.columns ? values : [Float](repeating: values[0], count: u.columns)
            let trains = pass.trains(parameter)
            return (
                u.multiplyingColumns(by: factors),
                { du, gradients in
                    if trains { Bottleneck.addScaleGradient(u, du, to: parameter, in: &gradients) }
                    return du.multiplyingColumns(by: factors)
                }
            )
        }
    }

    /// Σ u ⊙ du over the rows, and over the columns where there is one factor.
    private static func addScaleGradient(
        _ u: Matrix, _ du: Matrix, to parameter: Parameter, in gradients: inout Gradients
    ) {
        gradients.withMutableView(of: parameter) { sum in
            withViews(u, du) { views in
                for row in 0..<views[0].rows {
                    let (u, du) = (views[0].base + row * views[0].rowStride, views[1].base + row * views[1].rowStride)
                    if parameter.columns == 1 {
                        var share: Float = 0
                        for column in 0..<views[0].columns { share += u[column] * du[column] }
                        sum.base[0] += share
                    } else {
                        for column in 0..<views[0].columns { sum.base[column] += u[column] * du[column] }
                    }
                }
            }
        }
    }
}
