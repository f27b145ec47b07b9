import CKernels

/// The left side of products with packed matrices, rounded once for as many products as read it.
package struct RowOperand: Sendable {
    /// What the matrix has, in elements.
    package let rows, depth: Int
    /// As the matrices that this is multiplied with.
    package let precision: Precision
    /// Strides between the words of neighbouring rows and along the depth.
    let rowStride, depthStride: Int
    /// Words, whatever they hold.
    private let words: Matrix
    private let start: Int
    /// In int8 a ``GraftRowScale``, two words, for each row of the first group of the depth, of the second, and so on.
    private let scales: Matrix?
    private let firstScale: Int

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

    /// The transpose of rows that were paired: no number is rounded anew.
    package init(transposing pairs: PairedRows) {
        self.init(
            rows: pairs.columns, depth: pairs.rows, precision: .bfloat16, words: pairs.words, start: pairs.start,
            rowStride: 1, depthStride: pairs.stride, scales: nil)
    }

    private init(
        rows: Int, depth: Int, precision: Precision, words: Matrix, start: Int = 0, rowStride: Int,
        depthStride: Int = 1,
        scales: Matrix?, firstScale: Int = 0
    ) {
        (self.rows, self.depth, self.precision) = (rows, depth, precision)
        (self.words, self.start) = (words, start)
        (self.rowStride, self.depthStride) = (rowStride, depthStride)
        (self.scales, self.firstScale) = (scales, firstScale)
    }

    /// The rectangle of these rows and this part of the depth, by reading alone. The part begins at a whole word, and ends
    /// at one or at the end.
    package subscript(rowRange: Range<Int>, depthRange: Range<Int>) -> RowOperand {
        precondition(rowRange.upperBound <= rows && depthRange.upperBound <= depth, "range outside the operand")
        precondition(precision != .int8 || depthRange == 0..<depth, "in int8 the depth has scales by groups")
        let each = precision.elementsPerWord
        precondition(
            depthRange.lowerBound % each == 0
                && (depthRange.upperBound % each == 0 || depthRange.upperBound == depth),
            "a cut through a word of \(each) numbers")
        return RowOperand(
            rows: rowRange.count, depth: depthRange.count, precision: precision, words: words,
            start: start + rowRange.lowerBound * rowStride + depthRange.lowerBound / each * depthStride,
            rowStride: rowStride, depthStride: depthStride, scales: scales,
            firstScale: firstScale + rowRange.lowerBound)
    }

    /// These rows, the whole depth.
    package func rows(_ range: Range<Int>) -> RowOperand { self[range, 0..<depth] }

    /// Calls `body` with the words of all rows, and in int8 with the scales of the first group; those of the next group lie
    /// ``scaleStride`` further.
    func withWords(_ body: (UnsafeRawPointer, UnsafePointer<GraftRowScale>?) -> Void) {
        words.withBuffer { words in
            guard let scales else { return body(words.start + start, nil) }
            scales.withBuffer { scales in
                let typed = UnsafeRawPointer(scales.start).assumingMemoryBound(to: GraftRowScale.self)
                body(words.start + start, typed + firstScale)
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
