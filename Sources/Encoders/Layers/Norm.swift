import Matrices

/// y = γ ⊙ x̂ + β with x̂ = (x − mean(x)) / √(variance(x) + ε), row by row. Frozen.
struct Norm: Sendable {
    let gamma, beta: [Float]
    let epsilon: Float

    /// Gives dx of dy.
    typealias Pullback = @Sendable (_ dy: Matrix) -> Matrix

    /// y [rows, columns] of x. The pullback may be called where `isBackwardRun`.
    func forward(_ x: Matrix, isBackwardRun: Bool) -> (y: Matrix, pullback: Pullback) {
        let mark = Profile.enter(.norm)
        defer { mark.leave() }
        var (scratch, y) = (x, Matrix(uninitializedRows: x.rows, columns: x.columns))
        let kept = y.withMutableView {
            scratch.layerNorm(gamma: gamma, beta: beta, epsilon: epsilon, keeping: isBackwardRun, into: $0)
        }
        guard let kept else { return (y, { _ in .empty }) }
        return (
            y,
            { [gamma] dy in
                let mark = Profile.enter(.norm)
                defer { mark.leave() }
                var dx = Matrix(uninitializedRows: dy.rows, columns: dy.columns)
                dx.withMutableView { _ = dy.layerNormPullback(kept, gamma: gamma, dropping: nil, into: $0) }
                return dx
            }
        )
    }
}
