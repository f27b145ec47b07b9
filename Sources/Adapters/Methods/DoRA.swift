import Encoders
import Matrices

/// Weight-decomposed low-rank adaptation of one frozen linear map (Liu et al. 2024): the rows of W + s · B A have their
/// lengths taken from them and get trained ones, m [1, outputs], in place:
///
///     y = g ⊙ (x Wᵀ + s · x Aᵀ Bᵀ) + b,   g = m / n,   n = ‖W + s · B A‖ row by row
///
/// In the backward n is a constant, as in the paper (section 4.3). m starts at the lengths of W's rows, so that a fresh adapter
/// changes nothing. Where dropout is on, PEFT drops x for the change of the frozen path too, and so does this:
///
///     y = x Wᵀ + b + (g − 1) ⊙ x′ Wᵀ + g ⊙ s · x′ Aᵀ Bᵀ,   x′ = dropout(x)
public struct DoRA: MergeableAdapter, Equatable {
    /// A, B, s and the dropout.
    public let lora: LoRA
    /// m [1, outputs].
    public let magnitude: Parameter

    /// `lora` with trained lengths of the rows. `name` is unique among adapters: the parameter is called after it.
    ///
    /// - Precondition: B has no bias: what it would do to the lengths is nowhere defined.
    public init(name: String, over lora: LoRA) {
        precondition(lora.bias == nil, "DoRA has no bias behind B")
        self.lora = lora
        magnitude = Parameter(name: name + ".lora_magnitude_vector", rows: 1, columns: lora.b.rows)
    }

    /// The same with another scale of B A.
    init(_ other: DoRA, scale: Float) { (lora, magnitude) = (LoRA(other.lora, scale: scale), other.magnitude) }

    /// A, B, then m.
    public var parameters: [Parameter] { lora.parameters + [magnitude] }

    /// B.
    public var upperParameters: [Parameter] { lora.upperParameters }

    /// A, where it is fixed.
    public var fixedParameters: [Parameter] { lora.fixedParameters }

    /// m
    public var undecayedParameters: [Parameter] { [magnitude] }

    /// LoRA's start; then m is what the rows' lengths are.
    public func initialize(_ values: inout ParameterVector, on base: FrozenLinear, seed: UInt64) {
        lora.initialize(&values, seed: seed)
        setMagnitude(in: &values, on: base)
    }

    /// Makes m the lengths of the rows as A and B are now, so that the adapter computes what its LoRA computes.
    public func setMagnitude(in values: inout ParameterVector, on base: FrozenLinear) {
        values[magnitude] = norms(base, values)
    }

    // MARK: Lengths

    /// n [1, outputs], without W + s · B A: a row's square is ‖W‖² + 2 s B (W Aᵀ) + s² B (A Aᵀ) Bᵀ.
    func norms(_ base: FrozenLinear, _ values: ParameterVector) -> Matrix {
        let (a, b, scale) = (values[lora.a], values[lora.b], Double(lora.scale))
        let (rank, outputs) = (a.rows, b.rows)
        let wa = base.product(of: a)
        var gram = Matrix(uninitializedRows: rank, columns: rank)
        withViews(a) { a in gram.withMutableView { Product.compute(a[0], PackedMatrix(a[0].transposed), into: $0) } }
        let squares = base.rowSquares
        var norms = Matrix(uninitializedRows: 1, columns: outputs)
        norms.withMutableBuffer { norms in
            b.withBuffer { b in
                wa.withBuffer { wa in
                    gram.withBuffer { gram in
                        for row in 0..<outputs {
                            let own = b[row * rank..<(row + 1) * rank]
                            var square = squares[row]
                            for (i, left) in own.enumerated() {
                                var sum = 2 * Double(wa[i * outputs + row])
                                for (j, right) in own.enumerated() {
                                    sum += scale * Double(gram[i * rank + j]) * Double(right)
                                }
                                square += scale * Double(left) * sum
                            }
                            norms[row] = Float(max(0, square).squareRoot())
                        }
                    }
                }
            }
        }
        return norms
    }

    /// g = m / n; 0 where n is: what has no direction has no length.
    func gains(_ norms: Matrix, _ values: ParameterVector) -> [Float] {
        zip(values[magnitude].values, norms.values).map { $1 == 0 ? 0 : $0 / $1 }
    }

    private func norms(for base: FrozenLinear, _ pass: Pass) -> Matrix {
        pass.changedMaps.matrix(of: magnitude) { norms(base, pass.parameters) }
    }

    // MARK: Forward

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves dA, dB and dm and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let lengths = Lengths(norms: norms(for: base, pass), self, pass)
        guard let mask = pass.mask(lora.a.name, rate: lora.dropoutRate) else {
            return forward(x, through: base, lengths, pass)
        }
        return forward(x, dropping: mask, through: base, lengths, pass)
    }

    /// The gains of one pass, and how m learns.
    private struct Lengths: Sendable {
        let gains: [Float]
        private let norms: Matrix
        private let magnitude: Parameter
        let trains: Bool

        init(norms: Matrix, _ adapter: DoRA, _ pass: Pass) {
            (self.norms, magnitude) = (norms, adapter.magnitude)
            gains = adapter.gains(norms, pass.parameters)
            trains = pass.demand > .nothing && pass.trains(magnitude)
        }

        /// dm += Σ dy ⊙ v / n over the rows, in their order, with v what the gains multiply.
        func addGradient(of dy: Matrix, _ v: Matrix, to gradients: inout Gradients) {
            var sums = [Float](repeating: 0, count: dy.columns)
            dy.withBuffer { dy in
                v.withBuffer { v in
                    for start in stride(from: 0, to: dy.count, by: sums.count) {
                        for column in sums.indices { sums[column] += dy[start + column] * v[start + column] }
                    }
                }
            }
            norms.withBuffer { norms in
                for column in sums.indices { sums[column] = norms[column] == 0 ? 0 : sums[column] / norms[column] }
            }
            gradients.addRowSum(of: Matrix(rows: 1, columns: sums.count, values: sums), to: magnitude)
        }
    }

    private func forward(
        _ x: LinearInput, through base: FrozenLinear, _ lengths: Lengths, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        // v = x Wᵀ + s · x Aᵀ Bᵀ, for now with b
        let (frozen, basePullback) = base.forward(x, pass)
        var v = consume frozen
        let term = LowRankTerm(lora, of: x.values, pass, addingTo: &v)
        // y = g ⊙ v + b
        var y = Matrix(uninitializedRows: v.rows, columns: v.columns)
        let keepsV = lengths.trains
        DoRA.forEachRow(&y, &v, lengths.gains, base.bias) { y, v, gains, bias in
            for column in gains.indices {
                let sum = v[column]
                // In this order a gain of 1 leaves every bit as it is.
                y[column] = gains[column] * sum + (1 - gains[column]) * bias[column]
                if keepsV { v[column] = sum - bias[column] }
            }
        }
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        return (
            y,
            { [v = keepsV ? v : .empty] dy, gradients, dx in
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                if lengths.trains { lengths.addGradient(of: dy, v, to: &gradients) }
                let dv = dy.multiplyingColumns(by: lengths.gains)
                let dh = term.pullback(dv, &gradients)
                basePullback(dv, &gradients, &dx)
                term.addInputGradient(dh, nil, to: &dx)
            }
        )
    }

    private func forward(
        _ x: LinearInput, dropping mask: Matrix.Mask, through base: FrozenLinear, _ lengths: Lengths, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        var dropped = x.values
        dropped.drop(mask)
        // y = x Wᵀ + b
        let (frozen, basePullback) = base.forward(x, pass)
        var y = consume frozen
        // c = x′ Wᵀ + b
        let (c, droppedPullback) = base.forward(LinearInput(dropped, for: base), pass)
        // v = s · x′ Aᵀ Bᵀ, and then c − b besides
        var v = Matrix(rows: y.rows, columns: y.columns)
        let term = LowRankTerm(lora, of: dropped, pass, addingTo: &v)
        // y += (g − 1) ⊙ (c − b) + g ⊙ v
        c.withBuffer { c in
            var start = 0
            DoRA.forEachRow(&y, &v, lengths.gains, base.bias) { y, v, gains, bias in
                for column in gains.indices {
                    let (frozen, term) = (c[start + column] - bias[column], v[column])
                    y[column] += (gains[column] - 1) * frozen + gains[column] * term
                    v[column] = frozen + term
                }
                start += gains.count
            }
        }
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        return (
            y,
            { [v = lengths.trains ? v : .empty] dy, gradients, dx in
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                if lengths.trains { lengths.addGradient(of: dy, v, to: &gradients) }
                let dh = term.pullback(dy.multiplyingColumns(by: lengths.gains), &gradients)
                // dx += dy W + mask ⊙ (((g − 1) ⊙ dy) W + dh A)
                basePullback(dy, &gradients, &dx)
                guard dx.isWanted else { return }
                let dc = dy.multiplyingColumns(by: lengths.gains.map { $0 - 1 })
                var dDropped = Matrix(uninitializedRows: dy.rows, columns: base.inputs)
                dDropped.withMutableView {
                    var share = InputGradient(into: $0)
                    droppedPullback(dc, &gradients, &share)
                    term.addInputGradient(dh, nil, to: &share)
                }
                dDropped.drop(mask)
                dx.add(dDropped)
            }
        )
    }

    /// Calls `body` with each row of y and v, and with what all rows share.
    private static func forEachRow(
        _ y: inout Matrix, _ v: inout Matrix, _ gains: [Float], _ bias: [Float],
        _ body: (
            UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>, UnsafeBufferPointer<Float>,
            UnsafeBufferPointer<Float>
        ) -> Void
    ) {
        y.withMutableView { y in
            v.withMutableView { v in
                gains.withUnsafeBufferPointer { gains in
                    bias.withUnsafeBufferPointer { bias in
                        for row in 0..<y.rows {
                            body(y.base + row * y.rowStride, v.base + row * v.rowStride, gains, bias)
                        }
                    }
                }
            }
        }
    }

    // MARK: Merging

    /// g ⊙ (W + s · B A), row by row, in float32.
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        let gains = gains(norms(base, parameters), parameters)
        var weight = lora.merged(into: base, parameters)
        weight.withMutableBuffer { weight in
            for (row, gain) in gains.enumerated() {
                for index in row * base.inputs..<(row + 1) * base.inputs { weight[index] *= gain }
            }
        }
        return weight
    }
}
