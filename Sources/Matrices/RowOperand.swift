import CKernels

/// The left side of products with packed matrices, rounded once for as many products as read it.
package struct RowOperand: Sendable {
    /// What the matrix has, in elements.
    package let rows, depth: Int
    /// As the matrices that this is multiplied with.
    package let precision: Precision
    /// From a row's first word to the next row's.
    let rowStride: Int
    /// Words, whatever they hold.
    private let words: Matrix
    /// In int8 a ``GraftRowScale``, two words, for each row of the first group of the depth, of the second, and so on.
    private let scales: Matrix?

    /// Rounds `x` [rows, depth], its columns multiplied by `factors` first, if any. In float32 this shares the numbers of `x`.
    package init(_ x: Matrix, for precision: Precision, multiplyingColumnsBy factors: [Float]? = nil) {
        if let factors {
            self = RowOperand(x.multiplyingColumns(by: factors), for: precision)
            return
        }
        guard precision != .float32 else {
            self.init(
                rows: x.rows, depth: x.columns, precision: precision, words: x, rowStride: x.columns, scales: nil)
            return
        }
        self = x.withView { RowOperand($0, for: precision) }
    }

    /// Rounds `view` [rows, depth], a row's numbers side by side. In float32 this copies them.
    package init(_ view: MatrixView, for precision: Precision) {
        precondition(view.columnStride == 1, "rows that are rounded have their numbers side by side")
        let mark = Profile.enter(.packing)
        defer { mark.leave() }
        let width = precision.wordCount(view.columns)
        var words = Matrix(uninitializedRows: view.rows, columns: width)
        var scales: Matrix?
        switch precision {
        case .float32:
            words.withMutableView { words in
                for row in 0..<view.rows {
                    (words.base + row * width).update(from: view.base + row * view.rowStride, count: width)
                }
            }
        case .bfloat16:
            words.withMutableView { words in
                RowOperand.forEachBlock(of: view) { rows, x in
                    Kernels.table.round_rows(
                        x, view.rowStride, rows.count, view.columns, words.base + rows.lowerBound * width, width)
                }
            }
        case .int8:
            let groups = Int8Groups(depth: view.columns)
            var rowScales = Matrix(uninitializedRows: groups.count * view.rows, columns: 2)
            words.withMutableView { words in
                rowScales.withMutableView { rowScales in
                    let scales = UnsafeMutableRawPointer(rowScales.base).assumingMemoryBound(to: GraftRowScale.self)
                    RowOperand.forEachBlock(of: view) { rows, x in
                        for (index, group) in groups.enumerated() {
                            Kernels.table.quantize_rows(
                                x + group.lowerBound, view.rowStride, rows.count, group.count,
                                words.base + rows.lowerBound * width + group.lowerBound / 4, width,
                                scales + index * view.rows + rows.lowerBound)
                        }
                    }
                }
            }
            scales = rowScales
        }
        self.init(
            rows: view.rows, depth: view.columns, precision: precision, words: words, rowStride: width, scales: scales)
    }

    private init(
        rows: Int, depth: Int, precision: Precision, words: Matrix, rowStride: Int, scales: Matrix?
    ) {
        (self.rows, self.depth, self.precision) = (rows, depth, precision)
        (self.words, self.rowStride, self.scales) = (words, rowStride, scales)
    }

    /// Calls `body` with the words of all rows, and in int8 with the scales of the first group; those of the next group lie
    /// ``scaleStride`` further.
    func withWords(_ body: (UnsafeRawPointer, UnsafePointer<GraftRowScale>?) -> Void) {
        words.withBuffer { words in
            guard let scales else { return body(words.start, nil) }
            scales.withBuffer { scales in
                let typed = UnsafeRawPointer(scales.start).assumingMemoryBound(to: GraftRowScale.self)
                body(words.start, typed)
            }
        }
    }

    /// From the scale of a row in one group of the depth to that in the next.
    var scaleStride: Int { (scales?.rows ?? 0) / max(1, Int8Groups(depth: depth).count) }

    /// Calls `body` for blocks of rows and where they begin, shared among threads where there is enough to do.
    static func forEachBlock(of view: MatrixView, _ body: (Range<Int>, UnsafePointer<Float>) -> Void) {
        // An even number of rows, which takes as long as waking a thread up several times.
        let grain = max(1 << 16, view.columns) / max(1, view.columns) / 2 * 2 + 2
        Parallel.forEachRange(of: view.rows, grain: grain) { rows in
            body(rows, view.base + rows.lowerBound * view.rowStride)
        }
    }
}
