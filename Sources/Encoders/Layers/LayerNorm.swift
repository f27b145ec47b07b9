import Matrices

/// y = γ ⊙ x̂ + β with x̂ = (x − mean(x)) / √(variance(x) + ε), row by row. Frozen.
struct LayerNorm: Sendable {
    let gamma, beta: [Float]
    let epsilon: Float

    func forward(_ x: Matrix, _ pass: Pass) -> (y: Matrix, pullback: Pullback) {
        let mark = Profile.enter(.norm)
        defer { mark.leave() }
        let (y, kept) = x.layerNorm(gamma: gamma, beta: beta, epsilon: epsilon, keeping: pass.demand > .nothing)
        guard let kept else { return (y, { _, _ in .empty }) }
        return (
            y,
            { [gamma] dy, _ in
                let mark = Profile.enter(.norm)
                defer { mark.leave() }
                // dx = (g − mean(g) − x̂ · mean(g ⊙ x̂)) / σ, g = γ ⊙ dy
                return dy.layerNormPullback(
                    normalized: kept.normalized, inverseDeviation: kept.inverseDeviation, gamma: gamma)
            }
        )
    }
}
