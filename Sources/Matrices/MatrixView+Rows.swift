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
