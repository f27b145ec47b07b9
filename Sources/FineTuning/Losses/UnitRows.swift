import Matrices

/// The rows of a matrix scaled to length 1, and the way back. A length below 1e-12 counts as that, as in PyTorch's
/// `normalize`.
struct UnitRows {
    /// x̂ = x / |x|
    let values: Matrix
    private let lengths: [Float]

    private static let shortest: Float = 1e-12

    init(_ x: Matrix) {
        var values = x
        values.normalizeRows()
        self.values = values
        lengths = (0..<x.rows).map { row in
            var sum = 0.0
            for column in 0..<x.columns { sum += Double(x[row, column]) * Double(x[row, column]) }
            return Float(sum.squareRoot())
        }
    }

    /// dx = (dx̂ − x̂ (x̂ · dx̂)) / |x|
    func pullback(_ dUnit: Matrix) -> Matrix {
        var dx = dUnit
        for row in 0..<dx.rows {
            var along = 0.0
            if lengths[row] >= UnitRows.shortest {
                for column in 0..<dx.columns { along += Double(values[row, column]) * Double(dUnit[row, column]) }
            }
            let length = max(lengths[row], UnitRows.shortest)
            for column in 0..<dx.columns {
                dx[row, column] = (dUnit[row, column] - values[row, column] * Float(along)) / length
            }
        }
        return dx
    }

    /// x̂ · x̂ of two rows: the cosine of their angle.
    func cosine(_ first: Int, _ second: Int) -> Double {
        var sum = 0.0
        for column in 0..<values.columns { sum += Double(values[first, column]) * Double(values[second, column]) }
        return sum
    }
}
