import CKernels

/// Layer norm of rows, with the dropout and the residual that stand before it in one walk: a few rows at a time, which stay
/// in the first-level cache from one step to the next.
extension Matrix {
    /// What the backward of a layer norm needs.
    package struct Normalized: Sendable {
        /// x̂ [rows, columns]
        let rows: Matrix
        /// 1/σ of each row [1, rows]
        let inverseDeviation: Matrix
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

    /// out = γ ⊙ x̂ + β, with x̂ = (s − mean(s)) / √(variance(s) + ε) and s = mask(self) + residual, row by row. What self
    /// holds afterwards is of no use.
    ///
    /// - Returns: what the backward needs, where `keeping`.
    package mutating func layerNorm(
        dropping mask: Mask? = nil, residual: Matrix? = nil, gamma: [Float], beta: [Float], epsilon: Float,
        keeping: Bool, into out: MatrixView
    ) -> Normalized? {
        precondition(gamma.count == columns && beta.count == columns, "gamma and beta have a number for each column")
        precondition(out.rows == rows && out.rowStride == columns, "the result is as wide, its rows end to end")
        let columns = columns
        func walk(_ normalized: MatrixView?, _ inverseDeviation: MatrixView?) {
            withMutableView { sum in
                sum.forEachGroup { rows, offset, count in
                    let x = sum.base + offset
                    mask?.apply(to: x, offset, count, columns)
                    residual?.withView { Kernels.table.add(1, $0.base + offset, x, count) }
                    Kernels.table.layer_norm(
                        x, gamma, beta, epsilon, rows.count, columns, out.base + offset,
                        normalized.map { $0.base + offset }, inverseDeviation.map { $0.base + rows.lowerBound })
                }
            }
        }
        guard keeping else {
            walk(nil, nil)
            return nil
        }
        var normalized = Matrix(uninitializedRows: rows, columns: columns)
        var inverseDeviation = Matrix(uninitializedRows: 1, columns: rows)
        normalized.withMutableView { normalized in inverseDeviation.withMutableView { walk(normalized, $0) } }
        return Normalized(rows: normalized, inverseDeviation: inverseDeviation)
    }

    /// ds into `dSum`, and mask(ds), the gradient of what was dropped; self is dy.
    package func layerNormPullback(
        _ kept: Normalized, gamma: [Float], dropping mask: Mask?, into dSum: MatrixView
    ) -> Matrix {
        precondition(dSum.rows == rows && dSum.rowStride == columns, "the result is as wide, its rows end to end")
        var dx = Matrix(uninitializedRows: rows, columns: columns)
        dx.withMutableView { dx in
            withViews(self, kept.rows, kept.inverseDeviation) { views in
                dSum.forEachGroup { rows, offset, count in
                    let ds = dSum.base + offset
                    Kernels.table.layer_norm_backward(
                        views[0].base + offset, views[1].base + offset, views[2].base + rows.lowerBound, gamma,
                        rows.count, columns, ds)
                    (dx.base + offset).update(from: ds, count: count)
                    mask?.apply(to: dx.base + offset, offset, count, columns)
                }
            }
        }
        return dx
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
