import CKernels

/// Matrix products over views: out = (accumulating ? out : 0) + scale · a·b + bias.
package enum Product {
    /// `a` is [rows, depth], either way round; `b` is [depth, columns] with its columns side by side.
    package static func compute(
        _ a: MatrixView, _ b: MatrixView, scale: Float = 1, accumulating: Bool = false, into out: MatrixView
    ) {
        precondition(a.columns == b.rows, "inner extents of a product agree")
        precondition(b.columnStride == 1, "the right side of a product has its columns side by side")
        run(a, columns: b.columns, scale: scale, bias: nil, accumulating: accumulating, into: out) { first, body in
            body(b.base + first, b.rowStride)
        }
    }

    /// `a` is [rows, depth], either way round; `b` was packed from [depth, columns]; `bias`, if any, has `columns` numbers.
    package static func compute(
        _ a: MatrixView, _ b: PackedMatrix, scale: Float = 1, bias: UnsafePointer<Float>? = nil,
        accumulating: Bool = false, into out: MatrixView
    ) {
        precondition(a.columns == b.depth, "inner extents of a product agree")
        run(a, columns: b.columns, scale: scale, bias: bias, accumulating: accumulating, into: out) { first, body in
            b.withPanels(fromColumn: first) { body($0, 0) }
        }
    }

    /// Shares the product among threads by blocks of rows and, where rows are few, of columns.
    private static func run(
        _ a: MatrixView, columns: Int, scale: Float, bias: UnsafePointer<Float>?, accumulating: Bool,
        into out: MatrixView, withB: (_ first: Int, _ body: (UnsafePointer<Float>, Int) -> Void) -> Void
    ) {
        precondition(
            out.rows == a.rows && out.columns == columns, "the result of a product is [rows of a, columns of b]")
        precondition(out.columnStride == 1, "the result of a product has its columns side by side")
        func block(_ rows: Range<Int>, _ range: Range<Int>) {
            withB(range.lowerBound) { b, depthStride in
                let rowOffset = rows.lowerBound * a.rowStride
                var product = GraftProduct(
                    rows: rows.count, columns: range.count, depth: a.columns,
                    a: UnsafePointer(a.base) + rowOffset, a_row_stride: a.rowStride, a_depth_stride: a.columnStride,
                    b: b, b_depth_stride: depthStride,
                    out: out.base + rows.lowerBound * out.rowStride + range.lowerBound, out_row_stride: out.rowStride,
                    bias: bias.map { $0 + range.lowerBound }, scale: scale, accumulate: accumulating)
                Kernels.table.product(&product)
            }
        }
        // A block smaller than this is done sooner than another thread wakes up.
        let isSmall = a.rows * columns * a.columns < 1 << 17
        guard !isSmall, !Parallel.isSerial else { return block(0..<a.rows, 0..<columns) }
        let rowBlocks = (a.rows + rowGrain - 1) / rowGrain
        let columnGrain = rowBlocks < 4 ? PackedMatrix.columnGrain : columns
        let columnBlocks = (columns + columnGrain - 1) / columnGrain
        Parallel.forEach(rowBlocks * columnBlocks) { index in
            let (row, column) = (index / columnBlocks * rowGrain, index % columnBlocks * columnGrain)
            block(row..<min(row + rowGrain, a.rows), column..<min(column + columnGrain, columns))
        }
    }

    /// Rows of a block: enough to pay for reading the panels once more, few enough to share evenly.
    private static let rowGrain = 96
}
