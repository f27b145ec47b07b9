import Matrices

/// y = γ ⊙ x̂ + β with x̂ = (x − mean(x)) / √(variance(x) + ε), row by row. Frozen.
struct LayerNorm: Sendable {
    let gamma, beta: [Float]
    let epsilon: Float
}
