import CKernels

/// Activations, and gates: one matrix, or half of one, that says how much of another gets through.
extension Matrix {
    /// act(self)
    package func activate(_ kind: ActivationKind) -> Matrix {
        var out = Matrix(uninitializedRows: rows, columns: columns)
        out.withMutableView { out in
            withView { x in
                x.forEachBlock { rows in
                    let offset = rows.lowerBound * columns
                    Kernels.table.activate(kind.kernel, x.base + offset, out.base + offset, rows.count * columns)
                }
            }
        }
        return out
    }

    /// dx = dy ⊙ act′(x), with x = self.
    package func activatePullback(_ dy: Matrix, _ kind: ActivationKind) -> Matrix {
        precondition(dy.rows == rows && dy.columns == columns, "a gradient has the shape of its result")
        var dx = Matrix(uninitializedRows: rows, columns: columns)
        dx.withMutableView { dx in
            withViews(self, dy) { views in
                views[0].forEachBlock { rows in
                    let offset = rows.lowerBound * columns
                    Kernels.table.activate_backward(
                        kind.kernel, views[0].base + offset, views[1].base + offset, dx.base + offset,
                        rows.count * columns)
                }
            }
        }
        return dx
    }

    /// act(a) ⊙ b, with a = self.
    package func gate(_ kind: ActivationKind, _ b: Matrix) -> Matrix {
        precondition(b.rows == rows && b.columns == columns, "both sides of a gate have one shape")
        return withViews(self, b) { Matrix.gate(kind, $0[0], $0[1]) }
    }

    /// da = dy ⊙ b ⊙ act′(a) and db = dy ⊙ act(a), with a = self.
    package func gatePullback(_ dy: Matrix, _ kind: ActivationKind, _ b: Matrix) -> (da: Matrix, db: Matrix) {
        precondition(b.rows == rows && b.columns == columns, "both sides of a gate have one shape")
        var (da, db) = (
            Matrix(uninitializedRows: rows, columns: columns), Matrix(uninitializedRows: rows, columns: columns)
        )
        da.withMutableView { da in
            db.withMutableView { db in
                withViews(self, b, dy) { Matrix.gatePullback($0[2], kind, $0[0], $0[1], into: da, db) }
            }
        }
        return (da, db)
    }

    /// act(a) ⊙ b, where self [rows, 2 · columns] has a in the first half of its columns and b in the second.
    package func gateHalves(_ kind: ActivationKind) -> Matrix {
        withView { Matrix.gate(kind, $0.half(0), $0.half(1)) }
    }

    /// The gradient of self, da and db side by side, of a gate of its halves.
    package func gateHalvesPullback(_ dy: Matrix, _ kind: ActivationKind) -> Matrix {
        var dx = Matrix(uninitializedRows: rows, columns: columns)
        dx.withMutableView { dx in
            withViews(self, dy) {
                Matrix.gatePullback($0[1], kind, $0[0].half(0), $0[0].half(1), into: dx.half(0), dx.half(1))
            }
        }
        return dx
    }

    /// `a` and `b` have one row stride.
    private static func gate(_ kind: ActivationKind, _ a: MatrixView, _ b: MatrixView) -> Matrix {
        var out = Matrix(uninitializedRows: a.rows, columns: a.columns)
        out.withMutableView { out in
            out.forEachBlock { rows in
                let offset = rows.lowerBound * a.rowStride
                Kernels.table.gate(
                    kind.kernel, a.base + offset, b.base + offset, a.rowStride, rows.count, a.columns,
                    out.base + rows.lowerBound * out.rowStride)
            }
        }
        return out
    }

    /// `a`, `b` and their gradients have one row stride.
    private static func gatePullback(
        _ dy: MatrixView, _ kind: ActivationKind, _ a: MatrixView, _ b: MatrixView, into da: MatrixView,
        _ db: MatrixView
    ) {
        precondition(dy.rows == a.rows && dy.columns == a.columns, "a gradient has the shape of its result")
        dy.forEachBlock { rows in
            let offset = rows.lowerBound * a.rowStride
            Kernels.table.gate_backward(
                kind.kernel, a.base + offset, b.base + offset, a.rowStride, dy.base + rows.lowerBound * dy.rowStride,
                rows.count, a.columns, da.base + offset, db.base + offset)
        }
    }
}

extension MatrixView {
    /// Half of the columns: the first or the second.
    fileprivate func half(_ index: Int) -> MatrixView {
        precondition(columns % 2 == 0, "only an even number of columns has halves")
        return self[0..<rows, index * columns / 2..<(index + 1) * columns / 2]
    }

    /// Calls `body` for blocks of rows of about 64 KB, shared among threads.
    fileprivate func forEachBlock(_ body: (Range<Int>) -> Void) {
        Parallel.forEachRange(of: rows, grain: max(1, 16_384 / max(columns, 1)), body)
    }
}
