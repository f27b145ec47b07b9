import Encoders
import Matrices

/// LoRA in the form of a singular value decomposition, whose ranks are given out while it trains (AdaLoRA, Zhang et al. 2023):
///
///     y = base(x) + s · (dropout(x) Aᵀ ⊙ E) Bᵀ,   A [rank, inputs], E [1, rank], B [outputs, rank]
///
/// with s = alpha / (initial rank + 1e-5), as PEFT has it. A and B start random and E at zero, so a fresh adapter changes
/// nothing. Where E is zero the rank is not in use; which are is decided by ``RankAllocation``, for all maps together.
public struct AdaLoRA: MergeableAdapter, SeededAdapter {
    /// A [rank, inputs].
    public let a: Parameter
    /// E [1, rank].
    public let e: Parameter
    /// B [outputs, rank].
    public let b: Parameter
    /// s
    public let scale: Float
    /// Share of x that is dropped on the low-rank path in training.
    public let dropoutRate: Float
    /// How ranks are given out.
    public let schedule: RankSchedule

    /// An adapter for a linear map of these extents. `name` is unique among adapters: parameters are called after it.
    public init(
        name: String, inputs: Int, outputs: Int, rank: Int, scale: Float, dropoutRate: Float, schedule: RankSchedule
    ) {
        precondition(rank > 0, "a low-rank adapter has a rank of at least 1")
        a = Parameter(name: name + ".lora_A", rows: rank, columns: inputs)
        e = Parameter(name: name + ".lora_E", rows: 1, columns: rank)
        b = Parameter(name: name + ".lora_B", rows: outputs, columns: rank)
        (self.scale, self.dropoutRate, self.schedule) = (scale, dropoutRate, schedule)
    }

    /// s for an alpha and the rank that training begins with.
    static func scale(alpha: Float, initialRank: Int) -> Float { alpha / (Float(initialRank) + 1e-5) }

    /// A, E, then B.
    public var parameters: [Parameter] { [a, e, b] }

    /// E.
    public var upperParameters: [Parameter] { [e] }

    /// A and B as PEFT starts them: normal with deviation 0.02, a function of seed and name. E stays zero.
    public func initialize(_ values: inout ParameterVector, seed: UInt64) {
        for parameter in [a, b] {
            var random = RandomStream(seed: seed, name: parameter.name)
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: (0..<parameter.count).map { _ in 0.02 * random.normal() })
        }
    }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves dA, dE and dB and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let (a, b, e) = (pass.parameters[a], pass.parameters[b], pass.parameters[e].values)
        let mask = pass.mask(self.a.name, rate: dropoutRate)
        let (frozen, basePullback) = base.forward(x, pass)
        var y = consume frozen
        var dropped = x.values
        if let mask { dropped.drop(mask) }
        // h = x Aᵀ
        var h = Matrix(uninitializedRows: dropped.rows, columns: a.rows)
        withViews(dropped, a) { views in
            h.withMutableView { Product.compute(views[0], PackedMatrix(views[1].transposed), into: $0) }
        }
        // y += s · (h ⊙ E) Bᵀ
        let gated = h.multiplyingColumns(by: e)
        withViews(gated, b) { views in
            let packed = PackedMatrix(views[1].transposed)
            y.withMutableView { Product.compute(views[0], packed, scale: scale, accumulating: true, into: $0) }
        }
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        let (trainsA, trainsE, trainsB) = (pass.trains(self.a), pass.trains(self.e), pass.trains(self.b))
        return (
            y,
            { [self, dropped, h, gated, basePullback] dy, gradients, dx in
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                var dGated = Matrix(uninitializedRows: dy.rows, columns: h.columns)
                withViews(dy, b, gated) { views in
                    // d(h ⊙ E) = s · dy B
                    dGated.withMutableView {
                        Product.compute(views[0], PackedMatrix(views[1]), scale: scale, into: $0)
                    }
                    // dB += s · dyᵀ (h ⊙ E)
                    if trainsB { gradients.addProduct(views[0].transposed, views[2], scale: scale, to: self.b) }
                }
                // dE += Σ over tokens of d(h ⊙ E) ⊙ h
                if trainsE { gradients.addRowSum(of: dGated.multiplied(by: h), to: self.e) }
                let dh = dGated.multiplyingColumns(by: e)
                if trainsA {
                    // dA += dhᵀ x
                    withViews(dh, dropped) { gradients.addProduct($0[0].transposed, $0[1], to: self.a) }
                }
                // dx += dy W + mask ⊙ (dh A)
                basePullback(dy, &gradients, &dx)
                dx.addProduct(dh, a, droppedBy: mask)
            }
        )
    }

    /// W + s · B diag(E) A, in float32.
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        base.weight(
            plus: parameters[b].multiplyingColumns(by: parameters[e].values), parameters[a], scale: scale)
    }

    /// Which ranks are in use: those whose E is not zero.
    func ranksInUse(_ parameters: ParameterVector) -> [Bool] { parameters[e].values.map { $0 != 0 } }
}

extension AdaLoRA: FiledAdapter {
    /// The same with the ranks in use alone, and one where there is none; all of them where E is still zero everywhere, of an
    /// adapter that has not been trained.
    func filed(_ parameters: ParameterVector) -> (adapter: any LinearAdapter, values: [Parameter: Matrix]) {
        let used = ranksInUse(parameters)
        let kept = used.indices.filter { used[$0] }
        let places = kept.isEmpty ? [0] : kept
        let name = String(a.name.dropLast(".lora_A".count))
        let filed = AdaLoRA(
            name: name, inputs: a.columns, outputs: b.rows, rank: places.count, scale: scale, dropoutRate: dropoutRate,
            schedule: schedule)
        let (oldA, oldE, oldB) = (parameters[a], parameters[e], parameters[b])
        return (
            filed,
            [
                filed.a: Matrix(
                    rows: places.count, columns: a.columns, values: places.flatMap { oldA.row($0) }),
                filed.e: Matrix(rows: 1, columns: places.count, values: places.map { oldE[0, $0] }),
                filed.b: Matrix(
                    rows: b.rows, columns: places.count,
                    values: (0..<b.rows).flatMap { row in places.map { oldB[row, $0] } }),
            ]
        )
    }
}

extension AdaLoRA: LowRankAdapter {
    package func factors(_ parameters: ParameterVector) -> LowRankFactors? {
        let e = parameters[e].values.map { Double($0) }
        return LowRankFactors(
            left: DoubleMatrix(parameters[b]), right: DoubleMatrix(parameters[a]).multiplyingRows(by: e),
            scale: Double(scale))
    }
}

extension Matrix {
    /// The numbers of both multiplied, place by place.
    fileprivate func multiplied(by other: Matrix) -> Matrix {
        precondition(rows == other.rows && columns == other.columns, "both have one shape")
        var out = self
        out.withMutableBuffer { out in
            other.withBuffer { other in for index in out.indices { out[index] *= other[index] } }
        }
        return out
    }
}
