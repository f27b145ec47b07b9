import CKernels

/// Work on blocks that one thread holds: attention's rows of scores.
extension MatrixView {
    /// Each row becomes softmax(scale · row), in place.
    package func softmax(scale: Float) {
        precondition(columnStride == 1, "softmax runs along columns that lie side by side")
        Kernels.table.softmax(base, rowStride, scale, rows, columns)
    }

    /// Each row of self, dP, becomes scale · P ⊙ (dP − rowsum(dP ⊙ P)), in place.
    package func softmaxPullback(probabilities: MatrixView, scale: Float) {
        precondition(columnStride == 1 && rowStride == probabilities.rowStride, "P and dP lie alike")
        Kernels.table.softmax_backward(probabilities.base, base, rowStride, scale, rows, columns)
    }

    /// `out` = mask ⊙ self / (1 − rate), where the mask is that of elements `first` and on of the stream `key`. Both views
    /// are whole blocks: their rows lie end to end.
    package func drop(rate: Float, key: UInt64, first: UInt64, into out: MatrixView) {
        precondition(rowStride == columns && out.rowStride == columns, "rows lie end to end")
        Kernels.table.dropout(key, first, rate, base, out.base, rows * columns)
    }
}

extension MatrixView {
    /// The single row of self becomes the mean of the rows of `x`, summed in their order.
    package func setMean(of x: MatrixView) {
        precondition(rows == 1 && columns == x.columns && x.rows > 0, "a mean of rows is one row as wide")
        for column in 0..<columns { base[column] = 0 }
        for row in 0..<x.rows { Kernels.table.add(1 / Float(x.rows), x.base + row * x.rowStride, base, columns) }
    }

    /// self += x, of the same shape.
    package func add(_ x: MatrixView) {
        forEachRow(with: x) { x, row in Kernels.table.add(1, x, row, columns) }
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
