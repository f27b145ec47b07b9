import CKernels

/// Work on rows that one thread holds.
extension MatrixView {
    /// Each row becomes softmax(scale · row), in place.
    package func softmax(scale: Float) {
        precondition(columnStride == 1, "softmax runs along columns that lie side by side")
        Kernels.table.softmax(base, rowStride, scale, rows, columns)
    }
}

extension MatrixView {
    /// The single row of self becomes the sum of the rows of `x`, each times its weight, added in their order.
    package func setSum(of x: MatrixView, weights: [Float]) {
        precondition(rows == 1 && columns == x.columns, "a sum of rows is one row as wide")
        precondition(weights.count == x.rows, "each row has a weight")
        for column in 0..<columns { base[column] = 0 }
        for (row, weight) in weights.enumerated() {
            Kernels.table.add(weight, x.base + row * x.rowStride, base, columns)
        }
    }

    /// self += scale · x, of the same shape.
    package func add(_ x: MatrixView, scale: Float = 1) {
        forEachRow(with: x) { x, row in Kernels.table.add(scale, x, row, columns) }
    }

    /// Column j times `factors[j]`, in place.
    package func multiplyColumns(by factors: [Float]) {
        precondition(factors.count == columns, "each column has a factor")
        precondition(columnStride == 1, "columns lie side by side")
        for row in 0..<rows {
            let values = base + row * rowStride
            Kernels.table.scale_columns(values, rowStride, factors, 1, columns, values)
        }
    }

    /// self = x, of the same shape.
    package func copy(_ x: MatrixView) {
        forEachRow(with: x) { x, row in row.update(from: x, count: columns) }
    }

    private func forEachRow(
        with x: MatrixView, _ body: (_ x: UnsafePointer<Float>, _ row: UnsafeMutablePointer<Float>) -> Void
    ) {
        precondition(rows == x.rows && columns == x.columns, "only views of one shape are added or copied")
        precondition(columnStride == 1 && x.columnStride == 1, "columns lie side by side")
        for row in 0..<rows { body(x.base + row * x.rowStride, base + row * rowStride) }
    }
}

extension MatrixView {
    /// The last row first, by reading alone.
    var upsideDown: MatrixView {
        guard rows > 0 else { return self }
        return MatrixView(
            base: base + (rows - 1) * rowStride, rows: rows, columns: columns, rowStride: -rowStride,
            columnStride: columnStride)
    }

    /// self = xᵀ, or self += xᵀ, in squares that stay in the first-level cache.
    func setTransposed(of x: MatrixView, accumulating: Bool) {
        precondition(rows == x.columns && columns == x.rows, "a transpose has its rows and columns exchanged")
        precondition(columnStride == 1 && x.columnStride == 1, "columns lie side by side")
        let side = 16
        for firstRow in stride(from: 0, to: rows, by: side) {
            for firstColumn in stride(from: 0, to: columns, by: side) {
                let count = min(side, columns - firstColumn)
                for row in firstRow..<min(firstRow + side, rows) {
                    let to = base + row * rowStride + firstColumn
                    let from = x.base + firstColumn * x.rowStride + row
                    if accumulating {
                        for column in 0..<count { to[column] += from[column &* x.rowStride] }
                    } else {
                        for column in 0..<count { to[column] = from[column &* x.rowStride] }
                    }
                }
            }
        }
    }
}
