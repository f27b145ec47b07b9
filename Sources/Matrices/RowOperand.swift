/// The left side of products with packed matrices, rounded once for as many products as read it.
package struct RowOperand: Sendable {
    package let rows, depth: Int
    let matrix: Matrix

    package init(_ x: Matrix, for precision: Precision) {
        (rows, depth) = (x.rows, x.columns)
        matrix = x
    }
}

extension Product {
    package static func compute(
        _ a: RowOperand, _ b: PackedMatrix, scale: Float = 1, bias: UnsafePointer<Float>? = nil,
        accumulating: Bool = false, into out: MatrixView
    ) {
        a.matrix.withView { compute($0, b, scale: scale, bias: bias, accumulating: accumulating, into: out) }
    }
}
