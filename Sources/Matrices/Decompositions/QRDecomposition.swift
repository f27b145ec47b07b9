/// A = Q R by Householder reflections: Q [rows, min(rows, columns)] has orthonormal columns, R is upper triangular.
///
/// The signs are those of LAPACK, and with it of numpy and PyTorch. The same bytes at any number of threads.
package struct QRDecomposition: Sendable {
    /// The extents of A.
    package let rows, columns: Int
    /// min(rows, columns)
    package var rank: Int { min(rows, columns) }
    /// Aᵀ as reflections and R leave it: row j is column j, R above the diagonal, v below, its leading 1 left out.
    private let reduced: DoubleMatrix
    private let factors: [Double]

    /// Decomposes a matrix of finite numbers.
    package init(_ matrix: DoubleMatrix) { self.init(transposing: matrix.transposed) }

    /// Decomposes the transpose of a matrix.
    package init(transposing matrix: DoubleMatrix) {
        let (rows, columns) = (matrix.columns, matrix.rows)
        (self.rows, self.columns) = (rows, columns)
        var reduced = matrix
        var factors: [Double] = []
        var lengths: [Double] = []
        reduced.withMutableValues { base in
            Parallel.keepingAwake {
                for step in 0..<min(rows, columns) {
                    let v = base + step * rows + step
                    let count = rows - step
                    let reflector = Reflector(replacing: v, count)
                    factors.append(reflector.factor)
                    lengths.append(reflector.length)
                    let others = columns - step - 1
                    let grain = max(1, 20_000 / count)
                    Parallel.forEachRange(of: others, grain: grain) { range in
                        for column in range {
                            Reflector.apply(
                                reflector.factor, v, to: base + (step + 1 + column) * rows + step, count)
                        }
                    }
                }
            }
        }
        // The ones of v are implied: the diagonal of R stands in their place.
        for (step, length) in lengths.enumerated() { reduced[step, step] = length }
        (self.reduced, self.factors) = (reduced, factors)
    }

    /// R [rank, columns].
    package var r: DoubleMatrix {
        var r = DoubleMatrix(rows: rank, columns: columns)
        for row in 0..<rank {
            for column in row..<columns { r[row, column] = reduced[column, row] }
        }
        return r
    }

    /// The first columns of Q as rows: Qᵀ [count, rows].
    package func transposedQ(_ count: Int) -> DoubleMatrix {
        precondition(0...rank ~= count, "Q has \(rank) columns")
        var vectors = DoubleMatrix(rows: count, columns: rank)
        for index in 0..<count { vectors[index, index] = 1 }
        return applyingQ(to: vectors)
    }

    /// Q x for each row x [rank] of a matrix: rows of [rows] numbers.
    package func applyingQ(to vectors: DoubleMatrix) -> DoubleMatrix {
        precondition(vectors.columns == rank, "Q takes vectors of \(rank) numbers")
        var out = DoubleMatrix(rows: vectors.rows, columns: rows)
        for row in 0..<vectors.rows {
            for column in 0..<rank { out[row, column] = vectors[row, column] }
        }
        var reflections = reduced
        for step in 0..<rank { reflections[step, step] = 1 }
        out.withMutableValues { out in
            reflections.withMutableValues { base in
                Parallel.forEach(vectors.rows) { vector in
                    for step in stride(from: rank - 1, through: 0, by: -1) {
                        Reflector.apply(
                            factors[step], base + step * rows + step, to: out + vector * rows + step, rows - step)
                    }
                }
            }
        }
        return out
    }
}
