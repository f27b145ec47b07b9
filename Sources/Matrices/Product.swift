import CKernels

/// Matrix products: out = (accumulating ? out : 0) + scale · a·b + bias.
package enum Product {
    /// `a` is [rows, depth], either way round; `b` is [depth, columns] with its columns side by side.
    package static func compute(
        _ a: MatrixView, _ b: MatrixView, scale: Float = 1, accumulating: Bool = false, into out: MatrixView
    ) {
        precondition(a.columns == b.rows, "inner extents of a product agree")
        precondition(b.columnStride == 1, "the right side of a product has its columns side by side")
        let form = Form(a, scale: scale, bias: nil, accumulating: accumulating, out: out)
        run(form, columns: b.columns) { first, body in body(UnsafeRawPointer(b.base + first), b.rowStride) }
    }

    /// `a` is [rows, depth], either way round; `b` was packed in float32 from [depth, columns]; `bias`, if any, has
    /// `columns` numbers.
    package static func compute(
        _ a: MatrixView, _ b: PackedMatrix, scale: Float = 1, bias: UnsafePointer<Float>? = nil,
        accumulating: Bool = false, into out: MatrixView
    ) {
        precondition(a.columns == b.depth, "inner extents of a product agree")
        precondition(b.precision == .float32, "a left side in float32 meets a right side in float32")
        let form = Form(a, scale: scale, bias: bias, accumulating: accumulating, out: out)
        run(form, columns: b.columns) { first, body in b.withPanels(fromColumn: first) { body($0, 0) } }
    }

    /// `a` is [rows, depth]; `b` was packed from [depth, columns] in the same precision; `bias`, if any, has `columns`
    /// numbers.
    package static func compute(
        _ a: RowOperand, _ b: PackedMatrix, scale: Float = 1, bias: UnsafePointer<Float>? = nil,
        accumulating: Bool = false, into out: MatrixView
    ) {
        precondition(a.depth == b.depth, "inner extents of a product agree")
        precondition(a.precision == b.precision, "both sides of a product have one precision")
        a.withWords { words, scales in
            let form = Form(
                a, words: words, scales: scales, scale: scale, bias: bias, accumulating: accumulating, out: out)
            guard a.precision == .int8 else {
                run(form, columns: b.columns) { first, body in b.withPanels(fromColumn: first) { body($0, 0) } }
                return
            }
            // Each group of the depth has scales of its own, and is added to those before it.
            forEachBlock(of: form, columns: b.columns) { rows, columns in
                for (index, group) in Int8Groups(depth: a.depth).enumerated() {
                    let part = form.group(index, group, scaleStride: a.scaleStride)
                    b.withPanels(fromColumn: columns.lowerBound, group: group) { compute(part, rows, columns, $0, 0) }
                }
            }
        }
    }

    /// A product but for its right side. Depth and strides of `a` count words.
    private struct Form {
        let precision: Precision
        let rows: Int
        var depth: Int
        var a: UnsafeRawPointer
        let rowStride, depthStride: Int
        var scales: UnsafePointer<GraftRowScale>?
        let scale: Float
        var bias: UnsafePointer<Float>?
        var accumulates: Bool
        let out: MatrixView

        /// The same over one group of the depth in int8; but for the first, added to what is there.
        func group(_ index: Int, _ group: Range<Int>, scaleStride: Int) -> Form {
            var part = self
            part.depth = precision.wordCount(group.count)
            part.a = a + group.lowerBound / precision.elementsPerWord * MemoryLayout<Float>.stride
            part.scales = scales.map { $0 + index * scaleStride }
            guard index > 0 else { return part }
            (part.bias, part.accumulates) = (nil, true)
            return part
        }

        init(_ a: MatrixView, scale: Float, bias: UnsafePointer<Float>?, accumulating: Bool, out: MatrixView) {
            precision = .float32
            (rows, depth, self.a) = (a.rows, a.columns, UnsafeRawPointer(a.base))
            (rowStride, depthStride, scales) = (a.rowStride, a.columnStride, nil)
            (self.scale, self.bias, accumulates, self.out) = (scale, bias, accumulating, out)
        }

        init(
            _ a: RowOperand, words: UnsafeRawPointer, scales: UnsafePointer<GraftRowScale>?, scale: Float,
            bias: UnsafePointer<Float>?, accumulating: Bool, out: MatrixView
        ) {
            precision = a.precision
            (rows, depth, self.a) = (a.rows, a.precision.wordCount(a.depth), words)
            (rowStride, depthStride, self.scales) = (a.rowStride, 1, scales)
            (self.scale, self.bias, accumulates, self.out) = (scale, bias, accumulating, out)
        }
    }

    private static func run(
        _ form: Form, columns: Int, withB: (_ first: Int, _ body: (UnsafeRawPointer, Int) -> Void) -> Void
    ) {
        forEachBlock(of: form, columns: columns) { rows, columns in
            withB(columns.lowerBound) { b, depthStride in compute(form, rows, columns, b, depthStride) }
        }
    }

    /// One block, `b` beginning at its first column.
    private static func compute(
        _ form: Form, _ rows: Range<Int>, _ columns: Range<Int>, _ b: UnsafeRawPointer, _ depthStride: Int
    ) {
        let rowOffset = rows.lowerBound * form.rowStride * MemoryLayout<Float>.stride
        let out = form.out
        var product = GraftProduct(
            format: form.precision.format, rows: rows.count, columns: columns.count, depth: form.depth,
            a: form.a + rowOffset, a_row_stride: form.rowStride, a_depth_stride: form.depthStride,
            b: b, b_depth_stride: depthStride,
            out: out.base + rows.lowerBound * out.rowStride + columns.lowerBound, out_row_stride: out.rowStride,
            bias: form.bias.map { $0 + columns.lowerBound }, a_scales: form.scales.map { $0 + rows.lowerBound },
            scale: form.scale, accumulate: form.accumulates)
        Kernels.table.product(&product)
    }

    /// Shares a product among threads by blocks of rows and, where rows are few, of columns.
    private static func forEachBlock(
        of form: Form, columns: Int, _ body: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void
    ) {
        let (rows, out) = (form.rows, form.out)
        precondition(out.rows == rows && out.columns == columns, "the result of a product is [rows of a, columns of b]")
        precondition(out.columnStride == 1, "the result of a product has its columns side by side")
        // A block smaller than this is done sooner than another thread wakes up.
        let isSmall = rows * columns * form.depth < 1 << 17
        guard !isSmall, !Parallel.isSerial else { return body(0..<rows, 0..<columns) }
        let threads = Parallel.threads
        var rowBlocks = (rows + mostRows - 1) / mostRows
        if rowBlocks >= 4 { rowBlocks = (rowBlocks + threads - 1) / threads * threads }
        let rowGrain = (rows + rowBlocks - 1) / rowBlocks
        let columnGrain = rowBlocks < 4 ? PackedMatrix.columnGrain : columns
        let columnBlocks = (columns + columnGrain - 1) / columnGrain
        Parallel.forEach(rowBlocks * columnBlocks) { index in
            let (row, column) = (index / columnBlocks * rowGrain, index % columnBlocks * columnGrain)
            // Rounding up may leave nothing for the last one.
            guard row < rows else { return }
            body(row..<min(row + rowGrain, rows), column..<min(column + columnGrain, columns))
        }
    }

    /// The most rows of a block: enough to pay for reading the panels once more, few enough to share evenly.
    private static let mostRows = 96
}
