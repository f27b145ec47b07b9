import Encoders
import Matrices

/// Low-rank adaptation of one frozen linear map (Hu et al. 2021):
///
///     y = base(x) + s · dropout(x) Aᵀ Bᵀ,   A [rank, inputs], B [outputs, rank]
///
/// with s = alpha / rank, or alpha / √rank for rank-stabilized LoRA (Kalajdzievski 2023). A starts random and B at zero,
/// so a fresh adapter changes nothing.
public struct LoRA: MergeableAdapter {
    /// A [rank, inputs].
    public let a: Parameter
    /// B [outputs, rank].
    public let b: Parameter
    /// s
    public let scale: Float
    /// Share of x that is dropped on the low-rank path in training.
    public let dropoutRate: Float

    /// An adapter for a linear map of these extents. `name` is unique among adapters: parameters are called after it.
    public init(name: String, inputs: Int, outputs: Int, rank: Int, scale: Float, dropoutRate: Float) {
        precondition(rank > 0, "a low-rank adapter has a rank of at least 1")
        a = Parameter(name: name + ".lora_A", rows: rank, columns: inputs)
        b = Parameter(name: name + ".lora_B", rows: outputs, columns: rank)
        (self.scale, self.dropoutRate) = (scale, dropoutRate)
    }

    /// A, then B.
    public var parameters: [Parameter] { [a, b] }

    /// B.
    public var upperParameters: [Parameter] { [b] }

    /// A as PEFT starts it: uniform within ±1/√inputs (Kaiming with a = √5), a function of seed and name. B stays zero.
    public func initialize(_ values: inout ParameterVector, seed: UInt64) {
        var random = RandomStream(seed: seed, name: a.name)
        let bound = 1 / Float(a.columns).squareRoot()
        values[a] = Matrix(
            rows: a.rows, columns: a.columns, values: (0..<a.count).map { _ in (2 * random.uniform() - 1) * bound })
    }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves dA and dB and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let (a, b) = (pass.parameters[a], pass.parameters[b])
        let mask = pass.mask(self.a.name, rate: dropoutRate)
        let (frozen, basePullback) = base.forward(x, pass)
        var y = consume frozen
        var dropped = x.values
        if let mask { dropped.drop(mask) }
        var h = Matrix(uninitializedRows: dropped.rows, columns: a.rows)
        withViews(dropped, a, b) { views in
            h.withMutableView { h in
                // h = x Aᵀ
                Product.compute(views[0], PackedMatrix(views[1].transposed), into: h)
                // y += s · h Bᵀ
                let packed = PackedMatrix(views[2].transposed)
                y.withMutableView { Product.compute(h, packed, scale: scale, accumulating: true, into: $0) }
            }
        }
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        let (trainsA, trainsB) = (pass.trains(self.a), pass.trains(self.b))
        return (
            y,
            { [self, dropped, h, basePullback] dy, gradients, dx in
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                var dh = Matrix(uninitializedRows: dy.rows, columns: h.columns)
                withViews(dy, b, h) { views in
                    // dh = s · dy B
                    dh.withMutableView { Product.compute(views[0], PackedMatrix(views[1]), scale: scale, into: $0) }
                    // dB += s · dyᵀ h
                    if trainsB { gradients.addProduct(views[0].transposed, views[2], scale: scale, to: self.b) }
                }
                if trainsA {
                    // dA += dhᵀ x
                    withViews(dh, dropped) { gradients.addProduct($0[0].transposed, $0[1], to: self.a) }
                }
                // dx += dy W + mask ⊙ (dh A)
                basePullback(dy, &gradients, &dx)
                guard dx.isWanted else { return }
                guard let mask else {
                    withViews(dh, a) { dx.addProduct($0[0], $0[1]) }
                    return
                }
                var dDropped = Matrix(uninitializedRows: dy.rows, columns: a.columns)
                withViews(dh, a) { views in
                    dDropped.withMutableView { Product.compute(views[0], views[1], into: $0) }
                }
                dDropped.drop(mask)
                dx.add(dDropped)
            }
        )
    }

    /// W + s · B A, in float32: each element is W plus one sum over the rank.
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        var weight = base.weight
        withViews(parameters[b], parameters[a]) { views in
            weight.withMutableView {
                Product.compute(views[0], views[1], scale: scale, accumulating: true, into: $0)
            }
        }
        return weight
    }
}
