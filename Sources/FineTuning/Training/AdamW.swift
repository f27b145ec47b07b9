import Encoders
import Foundation
import Matrices

/// Adam with decoupled weight decay (Loshchilov and Hutter 2019), step for step as `torch.optim.AdamW`:
///
///     θ ← θ − rate · decay · θ
///     m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
///     θ ← θ − rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
public struct AdamW: Sendable {
    /// β₁, β₂ and ε.
    public let beta1, beta2, epsilon: Float
    /// Weight decay of every parameter, where a step says nothing else.
    public let weightDecay: Float
    /// m and v.
    package private(set) var firstMoment, secondMoment: ParameterVector
    /// t: steps done.
    package private(set) var steps = 0

    /// Moments at zero for parameters of this layout.
    public init(
        _ layout: ParameterVector.Layout, weightDecay: Float, beta1: Float = 0.9, beta2: Float = 0.999,
        epsilon: Float = 1e-8
    ) {
        (self.weightDecay, self.beta1, self.beta2, self.epsilon) = (weightDecay, beta1, beta2, epsilon)
        (firstMoment, secondMoment) = (ParameterVector(layout), ParameterVector(layout))
    }

    /// Puts back what an optimizer of the same layout had come to.
    package mutating func restore(firstMoment: ParameterVector, secondMoment: ParameterVector, steps: Int) {
        let layout = self.firstMoment.layout
        precondition(firstMoment.layout === layout && secondMoment.layout === layout, "moments are of one layout")
        (self.firstMoment, self.secondMoment, self.steps) = (firstMoment, secondMoment, steps)
    }

    /// One step. `rates` gives the learning rate of each parameter, in the order of the layout, and `decays` its weight decay; one
    /// without a rate stays as it is, its moments too.
    public mutating func step(
        _ values: inout ParameterVector, _ gradients: Gradients, rates: [Float?], decays: [Float]? = nil
    ) {
        steps += 1
        let firstCorrection = Float(1 - pow(Double(beta1), Double(steps)))
        let secondCorrection = Float((1 - pow(Double(beta2), Double(steps))).squareRoot())
        let (beta1, beta2, epsilon, layout) = (beta1, beta2, epsilon, values.layout)
        let decays = decays ?? [Float](repeating: weightDecay, count: rates.count)
        values.withMutableValues { theta in
            firstMoment.withMutableValues { m in
                secondMoment.withMutableValues { v in
                    gradients.values.withUnsafeBufferPointer { gradients in
                        for (parameter, (rate, decay)) in zip(layout.parameters, zip(rates, decays)) {
                            guard let rate else { continue }
                            // Each number by itself, so threads may share them.
                            let range = layout.range(of: parameter)
                            Parallel.forEachRange(of: range.count, grain: 65_536) { part in
                                for i in range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound {
                                    let g = gradients[i]
                                    m[i] = beta1 * m[i] + (1 - beta1) * g
                                    v[i] = beta2 * v[i] + (1 - beta2) * g * g
                                    theta[i] -= rate * decay * theta[i]
                                    theta[i] -=
                                        rate / firstCorrection * m[i] / (v[i].squareRoot() / secondCorrection + epsilon)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

extension ParameterVector {
    /// The Euclidean norm of all numbers.
    public var norm: Float { Float(values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()) }

    /// Scales all numbers so that their Euclidean norm is at most `limit`, as `torch.nn.utils.clip_grad_norm_` does.
    ///
    /// - Returns: the norm before.
    @discardableResult
    public mutating func clip(toNorm limit: Float) -> Float {
        let norm = norm
        let scale = limit / (norm + 1e-6)
        if scale < 1 { withMutableValues { for index in $0.indices { $0[index] *= scale } } }
        return norm
    }
}
