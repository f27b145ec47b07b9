import Encoders
import Matrices

extension LoRA: AdditiveAdapter {
    package func rowChange(of base: FrozenLinear, _ parameters: ParameterVector) -> any RowChange {
        LowRankChange(
            a: parameters.withView(of: a) { PackedMatrix($0.transposed) },
            b: parameters.withView(of: b) { PackedMatrix($0.transposed) }, scale: scale)
    }

    package func scaled(by weight: Float) -> LoRA { LoRA(self, scale: weight * scale) }
}

/// y += s · x Aᵀ Bᵀ, with Aᵀ and Bᵀ packed.
private struct LowRankChange: RowChange {
    let a, b: PackedMatrix
    let scale: Float

    func changeOutput(_ y: MatrixView, of x: MatrixView) {
        var h = Matrix(uninitializedRows: x.rows, columns: a.columns)
        h.withMutableView { h in
            Product.compute(x, a, into: h)
            Product.compute(h, b, scale: scale, accumulating: true, into: y)
        }
    }
}
