import Encoders
import Matrices

/// s · (x Aᵀ Bᵀ + β) of some rows, and what its way back needs.
struct LowRankTerm: Sendable {
    private let lora: LoRA
    private let a, b: Matrix
    /// x Aᵀ [tokens, rank]; empty where there is no way back.
    private let h: Matrix
    /// x, where A trains.
    private let x: Matrix?
    private let trains: (b: Bool, bias: Parameter?)

    /// Adds the term to `y` [tokens, outputs]. `x` [tokens, inputs] is as the low-rank path sees it, dropped.
    init(_ lora: LoRA, of x: Matrix, _ pass: Pass, addingTo y: inout Matrix) {
        let (a, b) = (pass.parameters[lora.a], pass.parameters[lora.b])
        var h = Matrix(uninitializedRows: x.rows, columns: a.rows)
        withViews(x, a, b) { views in
            h.withMutableView { h in
                // h = x Aᵀ
                Product.compute(views[0], PackedMatrix(views[1].transposed), into: h)
                // y += s · (h Bᵀ + β)
                let packed = PackedMatrix(views[2].transposed)
                let shift = lora.bias.map { pass.parameters[$0].values.map { $0 * lora.scale } }
                y.withMutableView { y in
                    guard let shift else {
                        Product.compute(h, packed, scale: lora.scale, accumulating: true, into: y)
                        return
                    }
                    shift.withUnsafeBufferPointer {
                        Product.compute(
                            h, packed, scale: lora.scale, bias: $0.baseAddress, accumulating: true, into: y)
                    }
                }
            }
        }
        let isBackwardRun = pass.demand > .nothing
        (self.lora, self.a, self.b) = (lora, a, b)
        self.h = isBackwardRun ? h : .empty
        self.x = isBackwardRun && !lora.isAFixed && pass.trains(lora.a) ? x : nil
        trains = (isBackwardRun && pass.trains(lora.b), lora.bias.flatMap { pass.trains($0) ? $0 : nil })
    }

    /// Leaves dA, dB and dβ of `dy` [tokens, outputs], and gives dh [tokens, rank].
    func pullback(_ dy: Matrix, _ gradients: inout Gradients) -> Matrix {
        var dh = Matrix(uninitializedRows: dy.rows, columns: h.columns)
        withViews(dy, b, h) { views in
            // dh = s · dy B
            dh.withMutableView { Product.compute(views[0], PackedMatrix(views[1]), scale: lora.scale, into: $0) }
            // dB += s · dyᵀ h
            if trains.b { gradients.addProduct(views[0].transposed, views[2], scale: lora.scale, to: lora.b) }
        }
        // dA += dhᵀ x
        if let x { withViews(dh, x) { gradients.addProduct($0[0].transposed, $0[1], to: lora.a) } }
        // dβ += s · Σ dy
        if let bias = trains.bias { gradients.addRowSum(of: dy, scale: lora.scale, to: bias) }
        return dh
    }

    /// dx += mask ⊙ (dh A)
    func addInputGradient(_ dh: Matrix, _ mask: Matrix.Mask?, to dx: inout InputGradient) {
        dx.addProduct(dh, a, droppedBy: mask)
    }
}
