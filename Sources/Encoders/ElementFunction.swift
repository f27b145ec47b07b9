import Foundation
import Matrices

/// A function of each element, between the layers of a head or of sentence-transformers' modules.
public enum ElementFunction: String, Sendable, Hashable, CaseIterable {
    case identity, tanh, relu, gelu, silu, sigmoid
    /// gelu by its tanh approximation.
    case geluTanh = "gelu_tanh"

    /// f(x), and dx = dy ⊙ f′(x).
    package func forward(_ x: Matrix) -> (y: Matrix, pullback: @Sendable (_ dy: Matrix) -> Matrix) {
        switch self {
        case .identity: return (x, { $0 })
        case .gelu: return kernel(x, .gelu)
        case .geluTanh: return kernel(x, .geluTanh)
        case .relu: return kernel(x, .relu)
        case .silu: return kernel(x, .silu)
        case .tanh: return elementwise(x, { Foundation.tanh($0) }, slope: { 1 - $0 * $0 })
        case .sigmoid: return elementwise(x, { 1 / (1 + exp(-$0)) }, slope: { $0 * (1 - $0) })
        }
    }

    private func kernel(
        _ x: Matrix, _ kind: ActivationKind
    ) -> (y: Matrix, pullback: @Sendable (_ dy: Matrix) -> Matrix) {
        (x.activate(kind), { x.activatePullback($0, kind) })
    }

    /// A function whose slope is one of its value.
    private func elementwise(
        _ x: Matrix, _ function: (Float) -> Float, slope: @escaping @Sendable (_ y: Float) -> Float
    ) -> (y: Matrix, pullback: @Sendable (_ dy: Matrix) -> Matrix) {
        var y = x
        y.withMutableBuffer { for index in $0.indices { $0[index] = function($0[index]) } }
        return (
            y,
            { [y] dy in
                var dx = dy
                dx.withMutableBuffer { dx in
                    y.withBuffer { y in for index in dx.indices { dx[index] *= slope(y[index]) } }
                }
                return dx
            }
        )
    }
}
