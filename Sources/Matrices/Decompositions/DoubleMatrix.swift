/// A row-major matrix in double precision: what decompositions compute with. Values and rounding go from and to ``Matrix``.
package struct DoubleMatrix: Sendable, Equatable {
    /// The number of rows.
    package let rows: Int
    /// The number of columns.
    package let columns: Int
    /// The numbers, row after row.
    package private(set) var values: [Double]

    /// A matrix of zeros.
    package init(rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "a matrix has no negative extent")
        (self.rows, self.columns) = (rows, columns)
        values = [Double](repeating: 0, count: rows * columns)
    }

    /// A matrix of the given numbers, row after row.
    package init(rows: Int, columns: Int, values: [Double]) {
        precondition(values.count == rows * columns, "a \(rows) × \(columns) matrix takes \(rows * columns) numbers")
        (self.rows, self.columns, self.values) = (rows, columns, values)
    }

    /// The numbers of `matrix`, each multiplied by `scale`.
    package init(_ matrix: Matrix, scale: Double = 1) {
        self.init(
            rows: matrix.rows, columns: matrix.columns,
            values: matrix.withBuffer { numbers in numbers.map { scale * Double($0) } })
    }

    /// Ones on the diagonal.
    package static func identity(_ extent: Int) -> DoubleMatrix {
        var matrix = DoubleMatrix(rows: extent, columns: extent)
        for index in 0..<extent { matrix[index, index] = 1 }
        return matrix
    }

    /// One element.
    package subscript(row: Int, column: Int) -> Double {
        get { values[row * columns + column] }
        set { values[row * columns + column] = newValue }
    }

    /// The numbers rounded to float32.
    package var rounded: Matrix { Matrix(rows: rows, columns: columns, values: values.map { Float($0) }) }

    /// Rows and columns exchanged.
    package var transposed: DoubleMatrix {
        var out = DoubleMatrix(rows: columns, columns: rows)
        for row in 0..<rows {
            for column in 0..<columns { out.values[column * rows + row] = values[row * columns + column] }
        }
        return out
    }

    /// The first rows.
    package func rows(upTo count: Int) -> DoubleMatrix {
        DoubleMatrix(rows: count, columns: columns, values: Array(values.prefix(count * columns)))
    }

    /// Row i multiplied by `factors[i]`.
    package func multiplyingRows(by factors: [Double]) -> DoubleMatrix {
        precondition(factors.count == rows, "each row has a factor")
        var out = self
        for row in 0..<rows {
            for column in 0..<columns { out.values[row * columns + column] *= factors[row] }
        }
        return out
    }

    /// Σ of the squares of all numbers.
    package var squaredNorm: Double { values.reduce(0) { $0 + $1 * $1 } }

    /// The largest magnitude; not a number where there is one that is none.
    package var largestMagnitude: Double {
        values.reduce(0) { largest, value in value.isNaN ? .nan : Swift.max(largest, abs(value)) }
    }

    /// Calls `body` with the numbers, to change.
    mutating func withMutableValues<Result>(_ body: (UnsafeMutablePointer<Double>) -> Result) -> Result {
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else {
                var nothing = 0.0
                return withUnsafeMutablePointer(to: &nothing) { body($0) }
            }
            return body(base)
        }
    }

    /// self += scale · other
    package mutating func add(_ other: DoubleMatrix, scale: Double = 1) {
        precondition(rows == other.rows && columns == other.columns, "only matrices of one shape add")
        for index in values.indices { values[index] += scale * other.values[index] }
    }

    /// left · right. Each element is one sum in the order of the depth, whichever thread has its row.
    package static func * (left: DoubleMatrix, right: DoubleMatrix) -> DoubleMatrix {
        precondition(left.columns == right.rows, "inner extents of a product agree")
        let (rows, depth, columns) = (left.rows, left.columns, right.columns)
        var out = DoubleMatrix(rows: rows, columns: columns)
        var right = right
        let grain = Swift.max(1, 100_000 / Swift.max(1, depth * columns))
        out.withMutableValues { out in
            right.withMutableValues { right in
                Parallel.forEachRange(of: rows, grain: grain) { range in
                    for row in range {
                        for index in 0..<depth {
                            let factor = left.values[row * depth + index]
                            DoubleKernels.add(factor, right + index * columns, out + row * columns, columns)
                        }
                    }
                }
            }
        }
        return out
    }
}
