import Encoders

/// What a head has between the vectors that it sees and its output layer: nothing, or what the task models of
/// transformers have there, which differs between families.
public struct HeadShape: Sendable, Equatable {
    /// Dropout of the vectors in training.
    public var inputDropout: Float
    /// A layer as wide as the vectors; nil: none.
    public var dense: Dense?
    /// Dropout in training of what the output layer sees.
    public var outputDropout: Float

    /// f(x Wᵀ + b), and a layer norm of that in some.
    public struct Dense: Sendable, Equatable {
        /// f
        public var function: ElementFunction
        /// Whether there is a b.
        public var hasBias: Bool
        /// The layer norm.
        public var norm: Norm?

        /// The given parts.
        public init(_ function: ElementFunction, hasBias: Bool = true, norm: Norm? = nil) {
            (self.function, self.hasBias, self.norm) = (function, hasBias, norm)
        }
    }

    /// γ ⊙ x̂ + β
    public struct Norm: Sendable, Equatable {
        /// ε
        public var epsilon: Float
        /// Whether there is a β.
        public var hasBias: Bool

        /// The given parts.
        public init(epsilon: Float, hasBias: Bool) { (self.epsilon, self.hasBias) = (epsilon, hasBias) }
    }

    /// The given parts.
    public init(inputDropout: Float = 0, dense: Dense?, outputDropout: Float = 0) {
        (self.inputDropout, self.dense, self.outputDropout) = (inputDropout, dense, outputDropout)
    }

    /// The output layer alone.
    public static let linear = HeadShape(dense: nil)
}

extension HeadShape: CustomStringConvertible {
    /// "linear", or "dense tanh, linear".
    public var description: String {
        let dense = dense.map { "dense \($0.function.rawValue), " + ($0.norm == nil ? "" : "norm, ") } ?? ""
        return dense + "linear"
    }
}
