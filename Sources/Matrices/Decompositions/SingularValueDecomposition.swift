/// A = U Σ Vᵀ: the singular values in falling order, and the vectors of the leading ones.
///
/// Computed in double precision: Householder reflections make a tall matrix square, then bidiagonal, and turns make that
/// diagonal; backward stable, so that the values are right to some 1e-15 of the largest. Of each pair of vectors the left one's
/// largest number is positive. The same bytes at any number of threads.
package struct SingularValueDecomposition: Sendable {
    /// All singular values, min(rows, columns) of them, in falling order.
    package let values: [Double]
    /// Leading columns of U as rows: [rank, rows].
    package let left: DoubleMatrix
    /// Leading rows of Vᵀ: [rank, columns].
    package let right: DoubleMatrix

    /// The number of vectors.
    package var rank: Int { left.rows }

    /// Decomposes `matrix`; `rank` says how many vectors are wanted, nil: all.
    ///
    /// - Precondition: all numbers are finite.
    package init(_ matrix: DoubleMatrix, rank: Int? = nil) {
        let isWide = matrix.columns > matrix.rows
        // The vectors of the transpose are the same, the sides exchanged.
        let decomposed = SingularValueDecomposition.decompose(
            tallTransposed: isWide ? matrix : matrix.transposed, rank: rank)
        let (left, right) =
            isWide ? (decomposed.right, decomposed.left) : (decomposed.left, decomposed.right)
        self.init(decomposed.values, left, right)
    }

    /// Decomposes a matrix in float32.
    package init(_ matrix: Matrix, rank: Int? = nil) { self.init(DoubleMatrix(matrix), rank: rank) }

    /// Decomposes left · right through QR of both, which costs no more than their extents: `left` is [rows, depth], `right`
    /// [depth, columns].
    package init(product left: DoubleMatrix, _ right: DoubleMatrix, rank: Int? = nil) {
        precondition(left.columns == right.rows, "inner extents of a product agree")
        guard left.columns < min(left.rows, right.columns) else {
            self.init(left * right, rank: rank)
            return
        }
        let (first, second) = (QRDecomposition(left), QRDecomposition(transposing: right))
        let core = SingularValueDecomposition(first.r * second.r.transposed, rank: rank)
        self.init(core.values, first.applyingQ(to: core.left), second.applyingQ(to: core.right))
    }

    /// Gives each pair of vectors its sign.
    private init(_ values: [Double], _ left: DoubleMatrix, _ right: DoubleMatrix) {
        let signs = (0..<left.rows).map { row -> Double in
            var largest = 0.0
            for column in 0..<left.columns where abs(left[row, column]) > abs(largest) { largest = left[row, column] }
            return largest < 0 ? -1 : 1
        }
        (self.values, self.left) = (values, left.multiplyingRows(by: signs))
        self.right = right.multiplyingRows(by: signs)
    }

    /// U Σ Vᵀ of the leading vectors.
    package func product(rank: Int? = nil) -> DoubleMatrix {
        let rank = rank ?? self.rank
        return left.rows(upTo: rank).multiplyingRows(by: Array(values.prefix(rank))).transposed
            * right.rows(upTo: rank)
    }

    /// The share of Σ σ² that the first values have; 1 where all are zero.
    package func energy(upTo rank: Int) -> Double {
        let squares = values.map { $0 * $0 }
        let all = squares.reduce(0, +)
        return all > 0 ? squares.prefix(rank).reduce(0, +) / all : 1
    }

    /// The least number of vectors that have this share of Σ σ²: 0 of a matrix of zeros.
    package func rank(ofEnergy share: Double) -> Int {
        let squares = values.map { $0 * $0 }
        let wanted = share * squares.reduce(0, +)
        guard wanted > 0 else { return 0 }
        var sum = 0.0
        for (index, square) in squares.enumerated() {
            sum += square
            if sum >= wanted || square == 0 { return index + (square == 0 ? 0 : 1) }
        }
        return squares.count
    }

    // MARK: The steps

    /// Of a matrix with at least as many rows as columns, given by its transpose.
    private static func decompose(
        tallTransposed matrix: DoubleMatrix, rank: Int?
    ) -> (values: [Double], left: DoubleMatrix, right: DoubleMatrix) {
        let (rows, extent) = (matrix.columns, matrix.rows)
        let rank = min(rank ?? extent, extent)
        guard extent > 0 else { return ([], DoubleMatrix(rows: 0, columns: rows), DoubleMatrix(rows: 0, columns: 0)) }
        let largest = matrix.largestMagnitude
        precondition(largest.isFinite, "finite numbers are decomposed")
        // A power of two, so that nothing is rounded, brings squares of all sizes into range.
        let scale = largest > 0 ? Double(sign: .plus, exponent: -largest.exponent, significand: 1) : 1
        let scaled = DoubleMatrix(
            rows: extent, columns: rows, values: matrix.values.map { $0 * scale })
        let tall = rows > extent ? QRDecomposition(transposing: scaled) : nil
        let square = tall?.r ?? scaled.transposed
        let bidiagonal = Bidiagonalization(square)
        let diagonal = BidiagonalDiagonalization(bidiagonal.diagonal, bidiagonal.superdiagonal)

        let magnitudes = diagonal.diagonal.map(abs)
        let order = magnitudes.indices.sorted {
            magnitudes[$0] != magnitudes[$1] ? magnitudes[$0] > magnitudes[$1] : $0 < $1
        }
        func leading(_ vectors: DoubleMatrix, _ signs: [Double]?) -> DoubleMatrix {
            var numbers: [Double] = []
            numbers.reserveCapacity(rank * extent)
            for index in order.prefix(rank) {
                let row = vectors.values[index * extent..<(index + 1) * extent]
                let isTurned = signs.map { $0[index] < 0 } ?? false
                numbers += isTurned ? row.map { -$0 } : Array(row)
            }
            return DoubleMatrix(rows: rank, columns: extent, values: numbers)
        }
        let left = bidiagonal.applyingLeft(to: leading(diagonal.left, diagonal.diagonal))
        let right = bidiagonal.applyingRight(to: leading(diagonal.right, nil))
        return (order.map { magnitudes[$0] / scale }, tall?.applyingQ(to: left) ?? left, right)
    }
}
