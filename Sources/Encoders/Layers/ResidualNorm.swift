import Matrices

/// A residual sum and the norm behind it in one walk over the rows: s = residual + dropout(x), y = norm(s).
///
/// A post-norm layer goes on with y alone; the residual stream of a pre-norm layer is s.
struct ResidualNorm: Sendable {
    let dropout: Dropout
    var norm: Norm

    /// Gives the gradient of x. That of the residual is written to `dResidual`; where the stream goes on with s, `dResidual`
    /// holds the gradient of s before, and that of y is added to it.
    typealias Pullback =
        @Sendable (_ dy: Matrix, _ gradients: inout Gradients, _ dResidual: MatrixView) -> Matrix

    /// Writes y to `y`. `x` becomes s, which has a gradient of its own if `isStream`.
    func forward(
        _ x: inout Matrix, residual: Matrix, into y: MatrixView, isStream: Bool = false, _ pass: Pass
    ) -> Pullback? {
        let mark = Profile.enter(.norm)
        defer { mark.leave() }
        let mask = dropout.mask(pass)
        let kept = x.norm(
            norm.kind, dropping: mask, residual: residual, gamma: norm.gamma, beta: norm.beta, epsilon: norm.epsilon,
            keeping: pass.demand > .nothing, into: y)
        guard let kept else { return nil }
        return { [norm] dy, gradients, dResidual in
            let mark = Profile.enter(.norm)
            defer { mark.leave() }
            norm.addGradients(of: dy, kept, to: &gradients)
            // ds is what norm gives of dy (and the stream's own); dResidual = ds, dx = mask ⊙ ds / (1 − rate)
            return dy.normPullback(kept, gamma: norm.gamma, dropping: mask, accumulating: isStream, into: dResidual)
        }
    }
}
