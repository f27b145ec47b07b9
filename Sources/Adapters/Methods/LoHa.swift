import Encoders
import Matrices

/// Low-rank Hadamard product (FedPara, Hyeon-Woo et al. 2022) of one frozen linear map:
///
///     ΔW = s · (A₁ B₁) ⊙ (A₂ B₂),   A [outputs, rank], B [rank, inputs]
///
/// with s = alpha / rank: of rank up to rank². B₂ starts at zero, so a fresh adapter changes nothing.
public struct LoHa: WeightUpdate, SeededAdapter {
    /// A₁ and A₂ [outputs, rank].
    public let a1, a2: Parameter
    /// B₁ and B₂ [rank, inputs].
    public let b1, b2: Parameter
    /// s
    public let scale: Float
    /// What is dropped in training.
    public let dropout: UpdateDropout

    /// An adapter for a linear map of these extents. `name` is unique among adapters: parameters are called after it.
    public init(name: String, inputs: Int, outputs: Int, rank: Int, scale: Float, dropout: UpdateDropout) {
        precondition(rank > 0, "a low-rank adapter has a rank of at least 1")
        a1 = Parameter(name: name + ".hada_w1_a", rows: outputs, columns: rank)
        b1 = Parameter(name: name + ".hada_w1_b", rows: rank, columns: inputs)
        a2 = Parameter(name: name + ".hada_w2_a", rows: outputs, columns: rank)
        b2 = Parameter(name: name + ".hada_w2_b", rows: rank, columns: inputs)
        (self.scale, self.dropout) = (scale, dropout)
    }

    /// A₁, B₁, A₂, B₂.
    public var parameters: [Parameter] { [a1, b1, a2, b2] }

    /// B₂.
    public var upperParameters: [Parameter] { [b2] }

    var keys: (whole: Parameter, alone: Parameter) { (a1, a2) }

    /// As PEFT starts them: uniform within ±1/√columns (Kaiming with a = √5), a function of seed and name; B₂ stays zero.
    public func initialize(_ values: inout ParameterVector, seed: UInt64) {
        for parameter in [a1, b1, a2] {
            values[parameter] = .uniform(parameter, bound: 1 / Float(parameter.columns).squareRoot(), seed: seed)
        }
    }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves the four gradients and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) { forwardUpdated(x, base, pass) }

    /// W + ΔW
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        mergedUpdate(into: base, parameters)
    }

    func update(_ parameters: ParameterVector) -> Matrix {
        let factors = factors(parameters)
        var update = factors[0]
        update.multiply(by: factors[1], scale: scale)
        return update
    }

    /// A₁ B₁ and A₂ B₂.
    private func factors(_ parameters: ParameterVector) -> [Matrix] {
        [(a1, b1), (a2, b2)].map { a, b in .product(parameters[a], parameters[b]) }
    }

    func addGradients(of dUpdate: Matrix, _ pass: Pass, to gradients: inout Gradients) {
        let parameters = pass.parameters
        let factors = pass.changedMaps.matrices(of: a1) { self.factors(parameters) }
        for (a, b, other) in [(a1, b1, factors[1]), (a2, b2, factors[0])] where pass.trains(a) || pass.trains(b) {
            // d(A B) = s · dΔW ⊙ the other factor
            var dFactor = dUpdate
            dFactor.multiply(by: other, scale: scale)
            withViews(dFactor, parameters[a], parameters[b]) { views in
                if pass.trains(a) { gradients.addProduct(views[0], transposed: views[2], to: a) }
                if pass.trains(b) { gradients.addProduct(views[1].transposed, views[0], to: b) }
            }
        }
    }
}
