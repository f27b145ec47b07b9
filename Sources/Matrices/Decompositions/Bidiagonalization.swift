/// A square A = L B Rᵀ with orthogonal L and R and an upper bidiagonal B, by Householder reflections from both sides (Golub and
/// Kahan 1965).
struct Bidiagonalization {
    /// B's diagonal, and what stands above it: one number less.
    let diagonal, superdiagonal: [Double]
    private let extent: Int
    /// Row k is v of the k-th reflection, from its place on.
    private var leftVectors, rightVectors: DoubleMatrix
    private let leftFactors, rightFactors: [Double]

    init(_ matrix: DoubleMatrix) {
        precondition(matrix.rows == matrix.columns, "a square matrix is made bidiagonal")
        let extent = matrix.rows
        var matrix = matrix
        var (left, right) = (DoubleMatrix(rows: extent, columns: extent), DoubleMatrix(rows: extent, columns: extent))
        var (diagonal, superdiagonal) = ([Double](), [Double]())
        var (leftFactors, rightFactors) = ([Double](), [Double]())
        // vᵀ A of the step, and the row that the right reflection eliminates.
        var sums = DoubleMatrix(rows: 1, columns: extent)
        matrix.withMutableValues { a in
            left.withMutableValues { left in
                right.withMutableValues { right in
                    sums.withMutableValues { sums in
                        Parallel.keepingAwake {
                            for step in 0..<extent {
                                let v = left + step * extent + step
                                let count = extent - step
                                for row in 0..<count { v[row] = a[(step + row) * extent + step] }
                                let reflector = Reflector(replacing: v, count)
                                diagonal.append(reflector.length)
                                leftFactors.append(reflector.factor)
                                guard count > 1 else { break }
                                let corner = a + step * extent + step + 1
                                Bidiagonalization.sum(v, corner, rows: count, columns: count - 1, extent, into: sums)
                                // The first row as the left reflection leaves it, then what is to eliminate in it.
                                let u = right + step * extent + step + 1
                                for column in 0..<count - 1 {
                                    u[column] = corner[column] - reflector.factor * sums[column]
                                }
                                let second = Reflector(replacing: u, count - 1)
                                superdiagonal.append(second.length)
                                rightFactors.append(second.factor)
                                Bidiagonalization.update(
                                    corner + extent, rows: count - 1, columns: count - 1, extent,
                                    left: (reflector.factor, v + 1, sums), right: (second.factor, u))
                            }
                        }
                    }
                }
            }
        }
        (self.extent, self.diagonal, self.superdiagonal) = (extent, diagonal, superdiagonal)
        (leftVectors, rightVectors, self.leftFactors, self.rightFactors) = (left, right, leftFactors, rightFactors)
    }

    /// sums = vᵀ A, shared among threads by columns: each sum is in the order of the rows.
    private static func sum(
        _ v: UnsafeMutablePointer<Double>, _ a: UnsafeMutablePointer<Double>, rows: Int, columns: Int, _ stride: Int,
        into sums: UnsafeMutablePointer<Double>
    ) {
        Parallel.forEachRange(of: columns, grain: max(64, 40_000 / rows)) { range in
            let (first, count) = (range.lowerBound, range.count)
            for column in range { sums[column] = 0 }
            for row in 0..<rows { DoubleKernels.add(v[row], a + row * stride + first, sums + first, count) }
        }
    }

    /// A ← (I − l v vᵀ) A (I − r u uᵀ), where sums = vᵀ A: one walk over each row.
    private static func update(
        _ a: UnsafeMutablePointer<Double>, rows: Int, columns: Int, _ stride: Int,
        left: (factor: Double, v: UnsafeMutablePointer<Double>, sums: UnsafeMutablePointer<Double>),
        right: (factor: Double, u: UnsafeMutablePointer<Double>)
    ) {
        Parallel.forEachRange(of: rows, grain: max(1, 20_000 / columns)) { range in
            for row in range {
                let values = a + row * stride
                DoubleKernels.add(-left.factor * left.v[row], left.sums, values, columns)
                Reflector.apply(right.factor, right.u, to: values, columns)
            }
        }
    }

    /// L x for each row x of a matrix.
    func applyingLeft(to vectors: DoubleMatrix) -> DoubleMatrix {
        Bidiagonalization.apply(leftVectors, leftFactors, offset: 0, to: vectors)
    }

    /// R x for each row x of a matrix.
    func applyingRight(to vectors: DoubleMatrix) -> DoubleMatrix {
        Bidiagonalization.apply(rightVectors, rightFactors, offset: 1, to: vectors)
    }

    private static func apply(
        _ reflections: DoubleMatrix, _ factors: [Double], offset: Int, to vectors: DoubleMatrix
    ) -> DoubleMatrix {
        let extent = reflections.columns
        var (out, reflections) = (vectors, reflections)
        out.withMutableValues { out in
            reflections.withMutableValues { base in
                Parallel.forEach(vectors.rows) { vector in
                    for step in stride(from: factors.count - 1, through: 0, by: -1) {
                        let place = step + offset
                        Reflector.apply(
                            factors[step], base + step * extent + place, to: out + vector * extent + place,
                            extent - place)
                    }
                }
            }
        }
        return out
    }
}
