import Matrices

/// y = γ ⊙ x̂ + β, row by row, with x̂ as the kind says; without β in some families. Frozen.
struct Norm: Sendable {
    let kind: NormKind
    let gamma: [Float]
    let beta: [Float]?
    let epsilon: Float

    /// Gives dx of dy.
    typealias Pullback = @Sendable (_ dy: Matrix) -> Matrix

    /// y [rows, columns] of x. The pullback may be called where `isBackwardRun`.
    func forward(_ x: Matrix, isBackwardRun: Bool) -> (y: Matrix, pullback: Pullback) {
        let mark = Profile.enter(.norm)
        defer { mark.leave() }
        var y = Matrix(uninitializedRows: x.rows, columns: x.columns)
        let kept = y.withMutableView {
            x.norm(kind, gamma: gamma, beta: beta, epsilon: epsilon, keeping: isBackwardRun, into: $0)
        }
        guard let kept else { return (y, { _ in .empty }) }
        return (
            y,
            { [gamma] dy in
                let mark = Profile.enter(.norm)
                defer { mark.leave() }
                var dx = Matrix(uninitializedRows: dy.rows, columns: dy.columns)
                dx.withMutableView { dy.normPullback(kept, gamma: gamma, into: $0) }
                return dx
            }
        )
    }
}
