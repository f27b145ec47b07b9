import CKernels

/// A matrix in bfloat16 whose rows are paired, two neighbours of a column in a word: the right side of a product that is
/// made once and read as it lies, or, transposed, a left side.
package struct PairedRows: Sendable {
    /// What the matrix has, in elements.
    package let rows, columns: Int
    let words: Matrix
    let start, stride: Int

    /// Rounds `view` [rows, columns], a row's numbers side by side.
    package init(_ view: MatrixView) {
        precondition(view.columnStride == 1, "rows that are rounded have their numbers side by side")
        let mark = Profile.enter(.packing)
        defer { mark.leave() }
        var words = Matrix(uninitializedRows: (view.rows + 1) / 2, columns: view.columns)
        words.withMutableView { words in
            RowOperand.forEachBlock(of: view) { rows, x in
                Kernels.table.round_row_pairs(
                    x, view.rowStride, rows.count, view.columns, words.base + rows.lowerBound / 2 * view.columns,
                    view.columns)
            }
        }
        self.init(rows: view.rows, columns: view.columns, words: words, start: 0, stride: view.columns)
    }

    private init(rows: Int, columns: Int, words: Matrix, start: Int, stride: Int) {
        (self.rows, self.columns) = (rows, columns)
        (self.words, self.start, self.stride) = (words, start, stride)
    }

    /// The rectangle of these rows and columns, by reading alone. The rows begin at an even one, and end at one or at the
    /// end.
    package subscript(rowRange: Range<Int>, columnRange: Range<Int>) -> PairedRows {
        precondition(rowRange.upperBound <= rows && columnRange.upperBound <= columns, "range outside the matrix")
        precondition(
            rowRange.lowerBound % 2 == 0 && (rowRange.upperBound % 2 == 0 || rowRange.upperBound == rows),
            "a cut through a pair of rows")
        return PairedRows(
            rows: rowRange.count, columns: columnRange.count, words: words,
            start: start + rowRange.lowerBound / 2 * stride + columnRange.lowerBound, stride: stride)
    }

    /// Calls `body` with the words.
    func withWords(_ body: (UnsafeRawPointer) -> Void) {
        words.withBuffer { body($0.start + start) }
    }
}
