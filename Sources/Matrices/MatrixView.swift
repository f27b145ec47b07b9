/// A window on somebody's numbers: any rectangle of a matrix, read either way round. It owns nothing.
///
/// Made inside `withView` or `withMutableView` of a ``Matrix``, valid only there. Products read and write through views,
/// so heads of attention, ranges of rows and transposes need no copies.
package struct MatrixView {
    package let base: UnsafeMutablePointer<Float>
    package let rows, columns: Int
    package let rowStride, columnStride: Int

    package init(
        base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, rowStride: Int, columnStride: Int = 1
    ) {
        (self.base, self.rows, self.columns) = (base, rows, columns)
        (self.rowStride, self.columnStride) = (rowStride, columnStride)
    }

    /// Rows and columns exchanged, by reading alone.
    package var transposed: MatrixView {
        MatrixView(base: base, rows: columns, columns: rows, rowStride: columnStride, columnStride: rowStride)
    }

    /// The rectangle of these rows and columns.
    package subscript(rowRange: Range<Int>, columnRange: Range<Int>) -> MatrixView {
        precondition(rowRange.upperBound <= rows && columnRange.upperBound <= columns, "range outside the view")
        return MatrixView(
            base: base + rowRange.lowerBound * rowStride + columnRange.lowerBound * columnStride,
            rows: rowRange.count, columns: columnRange.count, rowStride: rowStride, columnStride: columnStride)
    }

    /// These rows, all columns.
    package func rows(_ range: Range<Int>) -> MatrixView { self[range, 0..<columns] }
}

extension Matrix {
    /// Calls `body` with a view of the whole matrix, for reading.
    package func withView<Result>(_ body: (MatrixView) -> Result) -> Result {
        withBuffer { buffer in
            // Never null: storage has at least one block. Views are written through only where they were made for it.
            body(
                MatrixView(
                    base: UnsafeMutablePointer(mutating: buffer.start), rows: rows, columns: columns,
                    rowStride: columns))
        }
    }

    /// Calls `body` with a view of the whole matrix, for writing.
    package mutating func withMutableView<Result>(_ body: (MatrixView) -> Result) -> Result {
        let (rows, columns) = (rows, columns)
        return withMutableBuffer { body(MatrixView(base: $0.start, rows: rows, columns: columns, rowStride: columns)) }
    }
}

/// Calls `body` with views of several matrices, in their order, for reading.
package func withViews<Result>(_ matrices: Matrix..., body: ([MatrixView]) -> Result) -> Result {
    defer { withExtendedLifetime(matrices) {} }
    return body(matrices.map { $0.withView { $0 } })
}

/// Calls `body` with views of two matrices for writing.
package func withMutableViews<Result>(
    _ first: inout Matrix, _ second: inout Matrix, body: (MatrixView, MatrixView) -> Result
) -> Result {
    first.withMutableView { first in second.withMutableView { body(first, $0) } }
}

/// Calls `body` with views of three matrices for writing.
package func withMutableViews<Result>(
    _ first: inout Matrix, _ second: inout Matrix, _ third: inout Matrix,
    body: (MatrixView, MatrixView, MatrixView) -> Result
) -> Result {
    first.withMutableView { first in
        second.withMutableView { second in third.withMutableView { body(first, second, $0) } }
    }
}

extension UnsafeBufferPointer {
    /// The address of the first element, of a buffer known to have one.
    var start: UnsafePointer<Element> {
        guard let baseAddress else { preconditionFailure("a buffer of matrix storage has an address") }
        return baseAddress
    }
}

extension UnsafeMutableBufferPointer {
    /// The address of the first element, of a buffer known to have one.
    package var start: UnsafeMutablePointer<Element> {
        guard let baseAddress else { preconditionFailure("a buffer of matrix storage has an address") }
        return baseAddress
    }
}
