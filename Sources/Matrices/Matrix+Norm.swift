import CKernels

/// Norms of rows, with the dropout and the residual that stand before them in one walk: a few rows at a time, which stay in
/// the first-level cache from one step to the next.
extension Matrix {
    /// What the backward of a norm needs.
    package struct Normalized: Sendable {
        let kind: NormKind
        /// x̂ [rows, columns]
        let rows: Matrix
        /// What each row was multiplied with to become x̂ [1, rows].
        let inverseSize: Matrix

        /// The single row `sum` += Σ dy ⊙ x̂ over the rows, added in their order: the gradient of γ.
        package func addGammaGradient(of dy: Matrix, to sum: MatrixView) {
            precondition(dy.rows == rows.rows && dy.columns == rows.columns, "a gradient has the shape of its result")
            precondition(sum.rows == 1 && sum.columns == dy.columns, "gamma has a number for each column")
            withViews(dy, rows) { views in
                for row in 0..<dy.rows {
                    let (dy, x) = (views[0].base + row * views[0].rowStride, views[1].base + row * views[1].rowStride)
                    for column in 0..<sum.columns { sum.base[column] += dy[column] * x[column] }
                }
            }
        }
    }

    /// Which elements are dropped: those of a matrix of which these are the rows from `firstRow` on.
    package struct Mask: Sendable {
        let rate: Float
        let key: UInt64
        let firstRow: Int

        package init(rate: Float, key: UInt64, firstRow: Int) {
            (self.rate, self.key, self.firstRow) = (rate, key, firstRow)
        }
    }

    /// out = γ ⊙ x̂ + β, row by row, with x = self; without β where that is nil.
    ///
    /// - Returns: what the backward needs, where `keeping`.
    package func norm(
        _ kind: NormKind, gamma: [Float], beta: [Float]? = nil, epsilon: Float, keeping: Bool, into out: MatrixView
    ) -> Normalized? {
        withView {
            Matrix.norm(
                kind, $0, gamma: gamma, beta: beta, epsilon: epsilon, keeping: keeping, into: out, before: { _, _ in })
        }
    }

    /// self becomes s = mask(self) + residual, and out = γ ⊙ ŝ + β.
    ///
    /// A post-norm layer goes on with `out` alone; a pre-norm layer's residual stream is s.
    ///
    /// - Returns: what the backward needs, where `keeping`.
    package mutating func norm(
        _ kind: NormKind, dropping mask: Mask?, residual: Matrix, gamma: [Float], beta: [Float]? = nil,
        epsilon: Float, keeping: Bool, into out: MatrixView
    ) -> Normalized? {
        precondition(
            residual.rows == rows && residual.columns == columns, "a residual has the shape of what it is added to")
        let columns = columns
        return withMutableView { sum in
            residual.withView { residual in
                Matrix.norm(kind, sum, gamma: gamma, beta: beta, epsilon: epsilon, keeping: keeping, into: out) {
                    offset, count in
                    mask?.apply(to: sum.base + offset, offset, count, columns)
                    Kernels.table.add(1, residual.base + offset, sum.base + offset, count)
                }
            }
        }
    }

    /// The norm of `x`, whose rows lie end to end. Of each group of rows `before` is called first, with the place of its
    /// first number and how many there are.
    private static func norm(
        _ kind: NormKind, _ x: MatrixView, gamma: [Float], beta: [Float]?, epsilon: Float, keeping: Bool,
        into out: MatrixView, before: (_ offset: Int, _ count: Int) -> Void
    ) -> Normalized? {
        let columns = x.columns
        precondition(gamma.count == columns, "gamma has a number for each column")
        precondition(beta.map { $0.count == columns } ?? true, "beta has a number for each column")
        precondition(out.rows == x.rows && out.rowStride == columns, "the result is as wide, its rows end to end")
        func walk(_ normalized: MatrixView?, _ inverseSize: MatrixView?) {
            x.forEachGroup { rows, offset, count in
                before(offset, count)
                Kernels.table.norm(
                    kind.kernel, x.base + offset, gamma, beta, epsilon, rows.count, columns, out.base + offset,
                    normalized.map { $0.base + offset }, inverseSize.map { $0.base + rows.lowerBound })
            }
        }
        guard keeping else {
            walk(nil, nil)
            return nil
        }
        var normalized = Matrix(uninitializedRows: x.rows, columns: columns)
        var inverseSize = Matrix(uninitializedRows: 1, columns: x.rows)
        normalized.withMutableView { normalized in inverseSize.withMutableView { walk(normalized, $0) } }
        return Normalized(kind: kind, rows: normalized, inverseSize: inverseSize)
    }

    /// ds into `dSum`, or, if `accumulating`, added to what it holds; self is the gradient of the norm's result.
    package func normPullback(
        _ kept: Normalized, gamma: [Float], accumulating: Bool = false, into dSum: MatrixView
    ) {
        normPullback(kept, gamma: gamma, accumulating: accumulating, into: dSum) { _, _ in }
    }

    /// The same, and of ds, what was added included, mask(ds): the gradient of what was dropped before the sum.
    package func normPullback(
        _ kept: Normalized, gamma: [Float], dropping mask: Mask?, accumulating: Bool = false, into dSum: MatrixView
    ) -> Matrix {
        var dx = Matrix(uninitializedRows: rows, columns: columns)
        dx.withMutableView { [columns] dx in
            normPullback(kept, gamma: gamma, accumulating: accumulating, into: dSum) { offset, count in
                (dx.base + offset).update(from: dSum.base + offset, count: count)
                mask?.apply(to: dx.base + offset, offset, count, columns)
            }
        }
        return dx
    }

    /// Of each group of rows `after` is called last, as `before` above is first.
    private func normPullback(
        _ kept: Normalized, gamma: [Float], accumulating: Bool, into dSum: MatrixView,
        after: (_ offset: Int, _ count: Int) -> Void
    ) {
        precondition(gamma.count == columns, "gamma has a number for each column")
        precondition(kept.rows.rows == rows && kept.rows.columns == columns, "a gradient has the shape of its result")
        precondition(dSum.rows == rows && dSum.rowStride == columns, "the result is as wide, its rows end to end")
        withViews(self, kept.rows, kept.inverseSize) { views in
            dSum.forEachGroup { rows, offset, count in
                func compute(into ds: UnsafeMutablePointer<Float>) {
                    Kernels.table.norm_backward(
                        kept.kind.kernel, views[0].base + offset, views[1].base + offset,
                        views[2].base + rows.lowerBound, gamma, rows.count, columns, ds)
                }
                if accumulating {
                    withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { share in
                        compute(into: share.start)
                        Kernels.table.add(1, share.start, dSum.base + offset, count)
                    }
                } else {
                    compute(into: dSum.base + offset)
                }
                after(offset, count)
            }
        }
    }

    /// Drops elements and scales the others by 1/(1 − rate). The backward is the same call on dy.
    package mutating func drop(_ mask: Mask) {
        let columns = columns
        withMutableView { x in
            x.forEachGroup { _, offset, count in mask.apply(to: x.base + offset, offset, count, columns) }
        }
    }
}

extension Matrix.Mask {
    /// Drops among the `count` numbers at `x`, which are `offset` numbers behind the first row.
    fileprivate func apply(to x: UnsafeMutablePointer<Float>, _ offset: Int, _ count: Int, _ columns: Int) {
        Kernels.table.dropout(key, UInt64(firstRow * columns + offset), rate, x, x, count)
    }
}

extension MatrixView {
    /// Calls `body` for groups of rows of about 16 KB, shared among threads where there are many.
    fileprivate func forEachGroup(_ body: (_ rows: Range<Int>, _ offset: Int, _ count: Int) -> Void) {
        let group = max(1, 4096 / max(columns, 1))
        Parallel.forEachRange(of: rows, grain: 4 * group) { share in
            for first in stride(from: share.lowerBound, to: share.upperBound, by: group) {
                let rows = first..<min(first + group, share.upperBound)
                body(rows, first * columns, rows.count * columns)
            }
        }
    }
}
