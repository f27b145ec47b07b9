import Encoders
import Matrices

/// The layer norm within a head: y = γ ⊙ x̂ + β. It trains.
struct HeadNorm: Sendable {
    static let weightName = "head.norm.weight"
    private let gamma: Parameter
    private let beta: Parameter?
    private let epsilon: Float

    init(width: Int, _ norm: HeadShape.Norm) {
        gamma = Parameter(name: HeadNorm.weightName, rows: 1, columns: width)
        beta = norm.hasBias ? Parameter(name: "head.norm.bias", rows: 1, columns: width) : nil
        epsilon = norm.epsilon
    }

    var parameters: [Parameter] { [gamma] + (beta.map { [$0] } ?? []) }

    /// γ = 1, β = 0
    func initialize(_ values: inout ParameterVector) {
        values[gamma] = Matrix(rows: 1, columns: gamma.columns, values: [Float](repeating: 1, count: gamma.columns))
        if let beta { values[beta] = Matrix(rows: 1, columns: beta.columns) }
    }

    func forward(_ x: Matrix, _ pass: Pass) -> (y: Matrix, pullback: Pullback) {
        let width = gamma.columns
        let ones = [Float](repeating: 1, count: width)
        let g = pass.parameters[gamma].values
        var normalized = Matrix(uninitializedRows: x.rows, columns: width)
        let kept = normalized.withMutableView {
            x.norm(.layer, gamma: ones, epsilon: epsilon, keeping: true, into: $0)
        }
        guard let kept else { preconditionFailure("what was asked to be kept is") }
        var y = normalized.multiplyingColumns(by: g)
        if let b = beta.map({ pass.parameters[$0].values }) {
            y.withMutableBuffer { y in for index in y.indices { y[index] += b[index % width] } }
        }
        return (
            y,
            { [gamma, beta, normalized] dy, gradients in
                var dGamma = dy
                dGamma.withMutableBuffer { dGamma in
                    normalized.withBuffer { for index in dGamma.indices { dGamma[index] *= $0[index] } }
                }
                gradients.addRowSum(of: dGamma, to: gamma)
                if let beta { gradients.addRowSum(of: dy, to: beta) }
                var dx = Matrix(uninitializedRows: dy.rows, columns: dy.columns)
                dx.withMutableView { dy.normPullback(kept, gamma: g, into: $0) }
                return dx
            }
        )
    }
}
