import Matrices

/// How a block of a post-norm layer ends: y = norm(residual + dropout(x)), in one walk over the rows.
struct ResidualNorm: Sendable {
    let dropout: Dropout
    let norm: Norm

    /// Writes the gradient of the residual to `dResidual`, and gives that of x.
    typealias Pullback = @Sendable (_ dy: Matrix, _ dResidual: MatrixView) -> Matrix

    /// Writes y to `y`. `x` becomes residual + dropout(x).
    func forward(_ x: inout Matrix, residual: Matrix, into y: MatrixView, _ pass: Pass) -> Pullback? {
        let mark = Profile.enter(.norm)
        defer { mark.leave() }
        let mask = dropout.mask(pass)
        let kept = x.layerNorm(
            dropping: mask, residual: residual, gamma: norm.gamma, beta: norm.beta, epsilon: norm.epsilon,
            keeping: pass.demand > .nothing, into: y)
        guard let kept else { return nil }
        return { [gamma = norm.gamma] dy, dResidual in
            let mark = Profile.enter(.norm)
            defer { mark.leave() }
            // ds = (g − mean(g) − x̂ · mean(g ⊙ x̂)) / σ, g = γ ⊙ dy; dResidual = ds, dx = mask ⊙ ds / (1 − rate)
            return dy.layerNormPullback(kept, gamma: gamma, dropping: mask, into: dResidual)
        }
    }
}
