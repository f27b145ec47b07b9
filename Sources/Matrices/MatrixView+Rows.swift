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

    /// The single row of self += the single row of `x`.
    package func add(_ x: MatrixView) {
        precondition(rows == 1 && x.rows == 1 && columns == x.columns, "a row adds to a row as wide")
        Kernels.table.add(1, x.base, base, columns)
    }
}
