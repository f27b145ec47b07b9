import Matrices

/// The leading principal components of rows that come batch after batch (Ross et al. 2008): after each, those of all rows so far,
/// as far as the components kept before tell.
struct IncrementalComponents {
    /// The number of components.
    let count: Int
    /// The components [count, columns], unit vectors, by falling share; nil before the first batch.
    private(set) var components: DoubleMatrix?
    /// The share of all rows' variance along each component.
    private(set) var shares: [Double] = []
    /// Singular values of the centred rows.
    private(set) var values: [Double] = []
    private var mean: [Double] = []
    /// Σ (x − mean)² of each column.
    private var squares: [Double] = []
    private var rows = 0

    init(count: Int) { self.count = count }

    /// Takes a batch of at least ``count`` rows.
    mutating func add(_ batch: Matrix) {
        precondition(batch.rows >= count && batch.columns >= count, "a batch has a row for each component")
        let (new, columns) = (Double(batch.rows), batch.columns)
        var centred = DoubleMatrix(batch)
        var batchMean = [Double](repeating: 0, count: columns)
        for row in 0..<batch.rows { for column in 0..<columns { batchMean[column] += centred[row, column] } }
        for column in 0..<columns { batchMean[column] /= new }
        var batchSquares = [Double](repeating: 0, count: columns)
        for row in 0..<batch.rows {
            for column in 0..<columns {
                centred[row, column] -= batchMean[column]
                batchSquares[column] += centred[row, column] * centred[row, column]
            }
        }
        var stacked = centred
        if let components {
            let old = Double(rows)
            let weight = (old * new / (old + new)).squareRoot()
            let step = (0..<columns).map { weight * (mean[$0] - batchMean[$0]) }
            stacked = DoubleMatrix(belowEachOther: [
                components.multiplyingRows(by: values), centred, DoubleMatrix(rows: 1, columns: columns, values: step),
            ])
            for column in 0..<columns {
                squares[column] += batchSquares[column] + step[column] * step[column]
                mean[column] = (old * mean[column] + new * batchMean[column]) / (old + new)
            }
        } else {
            (mean, squares) = (batchMean, batchSquares)
        }
        rows += batch.rows
        let decomposition = SingularValueDecomposition(stacked, rank: count)
        (components, values) = (decomposition.right.withPositiveRows, Array(decomposition.values.prefix(count)))
        let all = squares.reduce(0, +)
        shares = values.map { all > 0 ? $0 * $0 / all : 0 }
    }
}

extension DoubleMatrix {
    /// Each row with the sign that makes its largest number positive, as PEFT gives components theirs.
    fileprivate var withPositiveRows: DoubleMatrix {
        multiplyingRows(
            by: (0..<rows).map { row in
                var largest = 0.0
                for column in 0..<columns where abs(self[row, column]) > abs(largest) { largest = self[row, column] }
                return largest < 0 ? -1 : 1
            })
    }
}
