import CKernels

/// Work over rows and elements. Everything here is shared among threads by rows; no sum crosses rows but `dot`.
extension Matrix {
    /// Rows that one thread takes at a time: about 64 KB.
    private var rowGrain: Int { max(1, 16_384 / max(columns, 1)) }

    /// self += scale · other
    package mutating func add(_ other: Matrix, scale: Float = 1) {
        precondition(rows == other.rows && columns == other.columns, "only matrices of one shape add")
        let (columns, grain) = (columns, rowGrain)
        withMutableView { y in
            other.withView { x in
                Parallel.forEachRange(of: y.rows, grain: grain) { rows in
                    let offset = rows.lowerBound * columns
                    Kernels.table.add(scale, x.base + offset, y.base + offset, rows.count * columns)
                }
            }
        }
    }

    /// left + right
    package static func + (left: Matrix, right: Matrix) -> Matrix {
        var sum = left
        sum.add(right)
        return sum
    }

    /// Column j multiplied by `factors[j]`.
    package func multiplyingColumns(by factors: [Float]) -> Matrix {
        precondition(factors.count == columns, "each column has a factor")
        var out = Matrix(uninitializedRows: rows, columns: columns)
        let grain = rowGrain
        out.withMutableView { out in
            withView { x in
                Parallel.forEachRange(of: x.rows, grain: grain) { rows in
                    let offset = rows.lowerBound * columns
                    Kernels.table.scale_columns(
                        x.base + offset, columns, factors, rows.count, columns, out.base + offset)
                }
            }
        }
        return out
    }

    /// Each row is scaled to length 1; a row of zeros stays (lengths below 1e-12 count as that, as in PyTorch).
    package mutating func normalizeRows() {
        let (rows, columns) = (rows, columns)
        withMutableBuffer { buffer in
            for row in 0..<rows {
                let values = buffer.start + row * columns
                let length = max(Kernels.table.dot(values, values, columns).squareRoot(), 1e-12)
                for column in 0..<columns { values[column] /= length }
            }
        }
    }

    /// The numbers of one row.
    public func row(_ index: Int) -> [Float] {
        precondition(0 <= index && index < rows, "row outside the matrix")
        return withBuffer { Array($0[index * columns..<(index + 1) * columns]) }
    }
}
