import Encoders
import Matrices

/// LoRA that starts at factors A₀ and B₀ taken from the frozen weight itself, without changing the weight:
///
///     y = base(x) + s · dropout(x) (B A − B₀ A₀)ᵀ
///
/// PiSSA (Meng et al. 2024) and OLoRA (Büyükakyüz 2024) take s B₀ A₀ out of the frozen weight, so that their adapters open on
/// nothing else; this is the same function of A and B, on the base as it is. It is computed from ΔA = A − A₀ and ΔB = B − B₀,
///
///     B A − B₀ A₀ = ΔB A + B₀ ΔA,
///
/// so that a fresh adapter changes nothing, bit for bit, and no large numbers cancel. What is dropped in training is dropped
/// from both products. In a file it is a plain LoRA of twice the rank with the factors [ΔB, B₀] and [A; ΔA].
public struct OffsetLoRA: MergeableAdapter {
    /// A and B, their scale and the dropout.
    public let lora: LoRA
    /// A₀ [rank, inputs], which never trains.
    public let startA: Matrix
    /// B₀ [outputs, rank], which never trains.
    public let startB: Matrix

    /// An adapter whose parameters start at `a` and `b`.
    public init(_ lora: LoRA, startingAt a: Matrix, _ b: Matrix) {
        precondition(a.rows == lora.a.rows && a.columns == lora.a.columns, "A₀ has the extents of A")
        precondition(b.rows == lora.b.rows && b.columns == lora.b.columns, "B₀ has the extents of B")
        precondition(lora.bias == nil, "a start at a part of the weight goes with no bias behind B")
        (self.lora, startA, startB) = (lora, a, b)
    }

    /// A, then B.
    public var parameters: [Parameter] { lora.parameters }

    /// B.
    public var upperParameters: [Parameter] { lora.upperParameters }

    /// A, where it is fixed.
    public var fixedParameters: [Parameter] { lora.fixedParameters }

    /// As its LoRA: the gradient of B is that of one on the whole weight.
    public func condition(_ gradients: inout Gradients, _ parameters: ParameterVector) {
        lora.condition(&gradients, parameters)
    }

    /// A becomes A₀ and B becomes B₀.
    public func initialize(_ values: inout ParameterVector) { (values[lora.a], values[lora.b]) = (startA, startB) }

    /// [ΔB, B₀] [outputs, 2 rank] and [A; ΔA] [2 rank, inputs], with ``LoRA/scale`` for their product.
    private func factors(_ a: Matrix, _ b: Matrix) -> (left: Matrix, right: Matrix) {
        let rank = a.rows
        var left = Matrix(uninitializedRows: b.rows, columns: 2 * rank)
        var right = Matrix(uninitializedRows: 2 * rank, columns: a.columns)
        left.withMutableBuffer { left in
            b.withBuffer { b in
                startB.withBuffer { start in
                    for row in 0..<startB.rows {
                        for index in 0..<rank {
                            let place = row * rank + index
                            left[2 * row * rank + index] = b[place] - start[place]
                            left[2 * row * rank + rank + index] = start[place]
                        }
                    }
                }
            }
        }
        right.withMutableBuffer { right in
            a.withBuffer { a in
                startA.withBuffer { start in
                    for place in a.indices {
                        right[place] = a[place]
                        right[a.count + place] = a[place] - start[place]
                    }
                }
            }
        }
        return (left, right)
    }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves dA and dB and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let mark = Profile.enter(.adapter)
        defer { mark.leave() }
        let (a, b) = (pass.parameters[lora.a], pass.parameters[lora.b])
        let (left, right) = factors(a, b)
        let mask = pass.mask(lora.a.name, rate: lora.dropoutRate)
        let (frozen, basePullback) = base.forward(x, pass)
        var y = consume frozen
        var dropped = x.values
        if let mask { dropped.drop(mask) }
        // h = x [A; ΔA]ᵀ
        var h = Matrix(uninitializedRows: dropped.rows, columns: right.rows)
        withViews(dropped, right, left) { views in
            h.withMutableView { h in
                Product.compute(views[0], PackedMatrix(views[1].transposed), into: h)
                // y += s · h [ΔB, B₀]ᵀ
                let packed = PackedMatrix(views[2].transposed)
                y.withMutableView { Product.compute(h, packed, scale: lora.scale, accumulating: true, into: $0) }
            }
        }
        guard pass.demand > .nothing else { return (y, { _, _, _ in }) }
        let (trainsA, trainsB) = (pass.trains(lora.a), pass.trains(lora.b))
        return (
            y,
            { [lora, dropped, h, left, right, b, basePullback] dy, gradients, dx in
                let mark = Profile.enter(.adapter)
                defer { mark.leave() }
                let rank = lora.a.rows
                if trainsB {
                    // dB += s · dyᵀ x Aᵀ
                    withViews(dy, h) { views in
                        let own = views[1][0..<views[1].rows, 0..<rank]
                        gradients.addProduct(views[0].transposed, own, scale: lora.scale, to: lora.b)
                    }
                }
                if trainsA {
                    // dA += (s · dy B)ᵀ x
                    var dh = Matrix(uninitializedRows: dy.rows, columns: rank)
                    withViews(dy, b) { views in
                        dh.withMutableView {
                            Product.compute(views[0], PackedMatrix(views[1]), scale: lora.scale, into: $0)
                        }
                    }
                    withViews(dh, dropped) { gradients.addProduct($0[0].transposed, $0[1], to: lora.a) }
                }
                // dx += dy W + mask ⊙ (s · dy [ΔB, B₀] [A; ΔA])
                basePullback(dy, &gradients, &dx)
                guard dx.isWanted else { return }
                var dh = Matrix(uninitializedRows: dy.rows, columns: 2 * rank)
                withViews(dy, left) { views in
                    dh.withMutableView {
                        Product.compute(views[0], PackedMatrix(views[1]), scale: lora.scale, into: $0)
                    }
                }
                dx.addProduct(dh, right, droppedBy: mask)
            }
        )
    }

    /// W + s · (B A − B₀ A₀), in float32.
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        let (left, right) = factors(parameters[lora.a], parameters[lora.b])
        return base.weight(plus: left, right, scale: lora.scale)
    }
}

extension OffsetLoRA: FiledAdapter {
    /// The plain LoRA of twice the rank that computes the same.
    func filed(_ parameters: ParameterVector) -> (adapter: any LinearAdapter, values: [Parameter: Matrix]) {
        let (left, right) = factors(parameters[lora.a], parameters[lora.b])
        let plain = LoRA(
            name: String(lora.a.name.dropLast(".lora_A".count)), inputs: right.columns, outputs: left.rows,
            rank: right.rows, scale: lora.scale, dropoutRate: lora.dropoutRate)
        return (plain, [plain.a: right, plain.b: left])
    }
}

extension OffsetLoRA: LowRankAdapter {
    package func factors(_ parameters: ParameterVector) -> LowRankFactors? {
        let (left, right) = factors(parameters[lora.a], parameters[lora.b])
        return LowRankFactors(left: DoubleMatrix(left), right: DoubleMatrix(right), scale: Double(lora.scale))
    }
}
