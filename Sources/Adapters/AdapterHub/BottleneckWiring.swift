import Encoders
import Matrices

/// How a bottleneck stands around the residual sum of its block: what it reads, what it is added to, and whether the encoder's
/// own sum and norm come before it, behind it, or both.
public struct BottleneckWiring: Sendable, Equatable {
    /// `is_parallel`: it reads the residual, and what it gives is added to the block's result.
    public var isParallel = false
    /// `original_ln_before`: it reads what the encoder makes of result and residual.
    public var sumsBefore = false
    /// `original_ln_after`: the encoder's sum and norm are behind it.
    public var sumsBehind = true
    /// `residual_before_ln`: what it is added to.
    public var residual = Residual.result
    /// `adapter_residual_before_ln`: whether that is added before its own norm behind it.
    public var isResidualInNorm = false

    /// What a bottleneck is added to.
    public enum Residual: Sendable {
        /// The block's result.
        case result
        /// The sum of that and the residual.
        case sum
        /// What the bottleneck reads.
        case input
    }

    /// Leaves the gradients of result and residual, of that of h, of that of r, and of what `leave` left for the residual.
    typealias EntryPullback =
        @Sendable (_ dh: Matrix, _ dr: Matrix, _ dResidual: Matrix?, _ gradients: inout Gradients) -> (
            dResult: Matrix, dResidual: Matrix
        )

    /// h, which the bottleneck reads, and r, which it is added to.
    func enter(
        _ result: Matrix, _ residual: Matrix, _ sum: BlockSum, _ pass: Pass
    ) -> (h: Matrix, r: Matrix, pullback: EntryPullback) {
        guard !isParallel else {
            return (
                residual, result,
                { dh, dr, dResidual, _ in
                    (dr, dResidual.map { $0 + dh } ?? dh)
                }
            )
        }
        guard sumsBefore else {
            return (
                result, result,
                { dh, dr, dResidual, _ in
                    (dh + dr, dResidual ?? Matrix(rows: dh.rows, columns: dh.columns))
                }
            )
        }
        let s = result + residual
        let (h, normPullback) = sum.normalize(s, pass)
        let r =
            switch self.residual {
            case .result: result
            case .sum: s
            case .input: h
            }
        return (
            h, r,
            { [from = self.residual] dh, dr, dResidual, gradients in
                var dh = dh
                if from == .input { dh.add(dr) }
                var ds = normPullback(dh, &gradients)
                if from == .sum { ds.add(dr) }
                return (from == .result ? ds + dr : ds, dResidual.map { $0 + ds } ?? ds)
            }
        )
    }

    /// y of what the bottleneck came to; the pullback gives the gradient of that, and what is left for the residual.
    func leave(
        _ o: Matrix, _ residual: Matrix, _ sum: BlockSum, _ pass: Pass
    ) -> (
        y: Matrix, pullback: @Sendable (_ dy: Matrix, _ gradients: inout Gradients) -> (dO: Matrix, dResidual: Matrix?)
    ) {
        guard sumsBehind, !sum.isBehindAdapter else { return (o, { dy, _ in (dy, nil) }) }
        let (y, normPullback) = sum.normalize(o + residual, pass)
        return (
            y,
            { dy, gradients in
                let ds = normPullback(dy, &gradients)
                return (ds, ds)
            }
        )
    }
}
