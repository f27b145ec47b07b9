import Encoders
import Matrices

/// Low-rank adaptation of one frozen linear map (Hu et al. 2021):
///
///     y = base(x) + s · (dropout(x) Aᵀ Bᵀ + β),   A [rank, inputs], B [outputs, rank], β [1, outputs]
///
/// with s = alpha / rank, or alpha / √rank for rank-stabilized LoRA (Kalajdzievski 2023). A starts random and B at zero,
/// so a fresh adapter changes nothing. β, which starts at zero too, is there only if asked for (`lora_bias`).
///
/// With a fixed A (LoRA-FA, Zhang et al. 2023) B trains alone, and of x nothing is kept for the way back but its low-rank image.
public struct LoRA: MergeableAdapter, Equatable {
    /// A [rank, inputs].
    public let a: Parameter
    /// B [outputs, rank].
    public let b: Parameter
    /// β [1, outputs]; nil: there is none.
    public let bias: Parameter?
    /// s
    public let scale: Float
    /// Share of x that is dropped on the low-rank path in training.
    public let dropoutRate: Float
    /// Whether A keeps the values that it starts with.
    public let isAFixed: Bool

    /// An adapter for a linear map of these extents. `name` is unique among adapters: parameters are called after it.
    public init(
        name: String, inputs: Int, outputs: Int, rank: Int, scale: Float, dropoutRate: Float, hasBias: Bool = false,
        isAFixed: Bool = false
    ) {
        precondition(rank > 0, "a low-rank adapter has a rank of at least 1")
        a = Parameter(name: name + ".lora_A", rows: rank, columns: inputs)
        b = Parameter(name: name + ".lora_B", rows: outputs, columns: rank)
        bias = hasBias ? Parameter(name: name + ".lora_B.bias", rows: 1, columns: outputs) : nil
        (self.scale, self.dropoutRate, self.isAFixed) = (scale, dropoutRate, isAFixed)
    }

    /// The same with another scale.
    init(_ other: LoRA, scale: Float) {
        (a, b, bias) = (other.a, other.b, other.bias)
        (self.scale, dropoutRate, isAFixed) = (scale, other.dropoutRate, other.isAFixed)
    }

    /// A, then B, then β.
    public var parameters: [Parameter] { [a, b] + [bias].compactMap { $0 } }

    /// B and β.
    public var upperParameters: [Parameter] { [b] + [bias].compactMap { $0 } }

    /// A, where it is fixed.
    public var fixedParameters: [Parameter] { isAFixed ? [a] : [] }

    /// β
    public var undecayedParameters: [Parameter] { [bias].compactMap { $0 } }

    /// A as PEFT starts it: uniform within ±1/√inputs (Kaiming with a = √5), a function of seed and name. B and β stay zero.
    public func initialize(_ values: inout ParameterVector, seed: UInt64) {
        var random = RandomStream(seed: seed, name: a.name)
        let bound = 1 / Float(a.columns).squareRoot()
        values[a] = Matrix(
            rows: a.rows, columns: a.columns, values: (0..<a.count).map { _ in (2 * random.uniform() - 1) * bound })
    }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves dA, dB and dβ and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let mask = pass.mask(a.name, rate: dropoutRate)
        let (frozen, basePullback) = base.forward(x, pass)
        var y = consume frozen
        var dropped = x.values
        if let mask { dropped.drop(mask) }
        let term = LowRankTerm(self, of: dropped, pass, addingTo: &y)
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        return (
            y,
            { dy, gradients, dx in
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                let dh = term.pullback(dy, &gradients)
                // dx += dy W + mask ⊙ (dh A)
                basePullback(dy, &gradients, &dx)
                term.addInputGradient(dh, mask, to: &dx)
            }
        )
    }

    /// W + s · B A, in float32: each element is W plus one sum over the rank.
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        base.weight(plus: parameters[b], parameters[a], scale: scale)
    }

    /// b + s · β
    public func mergedBias(into base: FrozenLinear, _ parameters: ParameterVector) -> [Float] {
        guard let bias else { return base.bias }
        return zip(base.bias, parameters[bias].values).map { $0 + scale * $1 }
    }
}
