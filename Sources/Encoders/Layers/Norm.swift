import Matrices

/// y = γ ⊙ x̂ + β, row by row, with x̂ as the kind says; without β in some families. Frozen, but for what adapters add to it.
struct Norm: Sendable {
    let kind: NormKind
    var gamma: [Float]
    var beta: [Float]?
    let epsilon: Float
    /// What of γ and β trains; nil: nothing.
    private var trained: NormDelta?

    init(kind: NormKind, gamma: [Float], beta: [Float]?, epsilon: Float) {
        (self.kind, self.gamma, self.beta, self.epsilon) = (kind, gamma, beta, epsilon)
    }

    /// The norm with what `adapters` add to it at `site`.
    func changed(at site: NormSite, by adapters: AdapterSet, _ pass: Pass) -> Norm {
        guard let delta = adapters.norms[site] else { return self }
        var norm = self
        norm.trained = delta.trained(in: pass)
        if let scale = delta.scale { norm.gamma = pass.parameters.sum(of: gamma, and: scale) }
        if let shift = delta.shift {
            guard let beta else { preconditionFailure("\(site) has no bias to change") }
            norm.beta = pass.parameters.sum(of: beta, and: shift)
        }
        return norm
    }

    /// Leaves dγ = Σ dy ⊙ x̂ and dβ = Σ dy over the rows, where they train.
    func addGradients(of dy: Matrix, _ kept: Matrix.Normalized, to gradients: inout Gradients) {
        guard let trained else { return }
        if let scale = trained.scale {
            gradients.withMutableView(of: scale) { kept.addGammaGradient(of: dy, to: $0) }
        }
        if let shift = trained.shift { gradients.addRowSum(of: dy, to: shift) }
    }

    /// Gives dx of dy.
    typealias Pullback = @Sendable (_ dy: Matrix, _ gradients: inout Gradients) -> Matrix

    /// y [rows, columns] of x. The pullback may be called where `isBackwardRun`.
    func forward(_ x: Matrix, isBackwardRun: Bool) -> (y: Matrix, pullback: Pullback) {
        let mark = Profile.enter(.norm)
        defer { mark.leave() }
        var y = Matrix(uninitializedRows: x.rows, columns: x.columns)
        let kept = y.withMutableView {
            x.norm(kind, gamma: gamma, beta: beta, epsilon: epsilon, keeping: isBackwardRun, into: $0)
        }
        guard let kept else { return (y, { _, _ in .empty }) }
        return (
            y,
            { [self] dy, gradients in
                let mark = Profile.enter(.norm)
                defer { mark.leave() }
                addGradients(of: dy, kept, to: &gradients)
                var dx = Matrix(uninitializedRows: dy.rows, columns: dy.columns)
                dx.withMutableView { dy.normPullback(kept, gamma: gamma, into: $0) }
                return dx
            }
        )
    }
}
