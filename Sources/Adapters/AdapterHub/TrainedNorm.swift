import Encoders
import Matrices

/// A layer norm whose γ and β are trained whole: y = γ ⊙ x̂ + β.
struct TrainedNorm: Sendable, Equatable {
    /// γ and β, each [1, width].
    let gamma, beta: Parameter
    /// PyTorch's.
    static let epsilon: Float = 1e-5

    init(name: String, width: Int) {
        gamma = Parameter(name: name + ".weight", rows: 1, columns: width)
        beta = Parameter(name: name + ".bias", rows: 1, columns: width)
    }

    var parameters: [Parameter] { [gamma, beta] }

    /// γ = 1 and β = 0.
    func initialize(_ values: inout ParameterVector) {
        values[gamma] = Matrix(rows: 1, columns: gamma.columns, values: [Float](repeating: 1, count: gamma.columns))
    }

    /// y [rows, width]; the pullback leaves dγ and dβ and gives dx.
    func forward(
        _ x: Matrix, _ pass: Pass
    ) -> (y: Matrix, pullback: @Sendable (_ dy: Matrix, _ gradients: inout Gradients) -> Matrix) {
        let gammaValues = pass.parameters[gamma].values
        var y = Matrix(uninitializedRows: x.rows, columns: x.columns)
        let kept = y.withMutableView {
            x.norm(
                .layer, gamma: gammaValues, beta: pass.parameters[beta].values, epsilon: TrainedNorm.epsilon,
                keeping: pass.demand > .nothing, into: $0)
        }
        guard let kept else { return (y, { _, _ in .empty }) }
        let (trainsGamma, trainsBeta) = (pass.trains(gamma), pass.trains(beta))
        return (
            y,
            { [self] dy, gradients in
                if trainsGamma { gradients.withMutableView(of: gamma) { kept.addGammaGradient(of: dy, to: $0) } }
                if trainsBeta { gradients.addRowSum(of: dy, to: beta) }
                var dx = Matrix(uninitializedRows: dy.rows, columns: dy.columns)
                dx.withMutableView { dy.normPullback(kept, gamma: gammaValues, into: $0) }
                return dx
            }
        )
    }
}
