import Encoders
import Matrices

extension LoRA: AdditiveAdapter {
    package func rowChange(of base: FrozenLinear, _ parameters: ParameterVector) -> any RowChange {
        LowRankChange(
            a: parameters.withView(of: a) { PackedMatrix($0.transposed) },
            b: parameters.withView(of: b) { PackedMatrix($0.transposed) }, scale: scale,
            shift: bias.map { parameters[$0].values.map { $0 * scale } })
    }

    package func scaled(by weight: Float) -> LoRA { LoRA(self, scale: weight * scale) }
}

extension DoRA: RowwiseAdapter {
    package func rowChange(of base: FrozenLinear, _ parameters: ParameterVector) -> any RowChange {
        let gains = gains(norms(base, parameters), parameters)
        return LengthChange(
            term: lora.rowChange(of: base, parameters), gains: gains, shift: zip(gains, base.bias).map { (1 - $0) * $1 }
        )
    }
}

/// y = g ⊙ (y + s · x Aᵀ Bᵀ) + (1 − g) ⊙ b
private struct LengthChange: RowChange {
    let term: any RowChange
    let gains, shift: [Float]

    func changeOutput(_ y: MatrixView, of x: MatrixView) {
        term.changeOutput(y, of: x)
        for row in 0..<y.rows {
            let values = y.base + row * y.rowStride
            for column in 0..<y.columns { values[column] = gains[column] * values[column] + shift[column] }
        }
    }
}

/// y += s · (x Aᵀ Bᵀ + β), with Aᵀ and Bᵀ packed.
private struct LowRankChange: RowChange {
    let a, b: PackedMatrix
    let scale: Float
    /// s · β
    let shift: [Float]?

    func changeOutput(_ y: MatrixView, of x: MatrixView) {
        var h = Matrix(uninitializedRows: x.rows, columns: a.columns)
        h.withMutableView { h in
            Product.compute(x, a, into: h)
            guard let shift else { return Product.compute(h, b, scale: scale, accumulating: true, into: y) }
            shift.withUnsafeBufferPointer {
                Product.compute(h, b, scale: scale, bias: $0.baseAddress, accumulating: true, into: y)
            }
        }
    }
}
