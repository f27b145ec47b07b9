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
        case .gelu, .geluTanh:
            let tanhForm = self == .geluTanh
            return (x.gelu(tanhForm: tanhForm), { x.geluPullback($0, tanhForm: tanhForm) })
        case .tanh: return elementwise(x, { Foundation.tanh($0) }, slope: { _, y in 1 - y * y })
        case .relu: return elementwise(x, { Swift.max($0, 0) }, slope: { x, _ in x > 0 ? 1 : 0 })
        case .sigmoid: return elementwise(x, { 1 / (1 + exp(-$0)) }, slope: { _, y in y * (1 - y) })
        case .silu:
            return elementwise(
                x, { $0 / (1 + exp(-$0)) },
                slope: { x, _ in
                    let s = 1 / (1 + exp(-x))
                    return s * (1 + x * (1 - s))
                })
        }
    }

    private func elementwise(
        _ x: Matrix, _ function: (Float) -> Float, slope: @escaping @Sendable (_ x: Float, _ y: Float) -> Float
    ) -> (y: Matrix, pullback: @Sendable (_ dy: Matrix) -> Matrix) {
        var y = x
        y.withMutableBuffer { for index in $0.indices { $0[index] = function($0[index]) } }
        return (
            y,
            { [y] dy in
                var dx = dy
                dx.withMutableBuffer { dx in
                    x.withBuffer { x in
                        y.withBuffer { y in
                            for index in dx.indices { dx[index] *= slope(x[index], y[index]) }
                        }
                    }
                }
                return dx
            }
        )
    }
}
