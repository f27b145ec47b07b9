import Matrices

/// Reading and adding to parameters where they lie.
extension ParameterVector {
    /// Calls `body` with the matrix of a parameter, for reading.
    package func withView<Result>(of parameter: Parameter, _ body: (MatrixView) -> Result) -> Result {
        let range = layout.range(of: parameter)
        return values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { preconditionFailure("a parameter has numbers") }
            return body(
                MatrixView(
                    base: UnsafeMutablePointer(mutating: base) + range.lowerBound, rows: parameter.rows,
                    columns: parameter.columns, rowStride: parameter.columns))
        }
    }

    /// Calls `body` with the matrix of a parameter, for writing.
    package mutating func withMutableView<Result>(of parameter: Parameter, _ body: (MatrixView) -> Result) -> Result {
        let range = layout.range(of: parameter)
        return withMutableValues { values in
            guard let base = values.baseAddress else { preconditionFailure("a parameter has numbers") }
            return body(
                MatrixView(
                    base: base + range.lowerBound, rows: parameter.rows, columns: parameter.columns,
                    rowStride: parameter.columns))
        }
    }

    /// `base` + a parameter of one row as wide.
    package func sum(of base: [Float], and parameter: Parameter) -> [Float] {
        precondition(parameter.rows == 1 && parameter.columns == base.count, "\(parameter.name) is as wide as its base")
        return withView(of: parameter) { delta in base.indices.map { base[$0] + delta.base[$0] } }
    }

    /// The parameter's matrix += scale · a·b: how a pullback leaves a gradient.
    package mutating func addProduct(_ a: MatrixView, _ b: MatrixView, scale: Float = 1, to parameter: Parameter) {
        guard parameter.count > 0 else { return }
        withMutableView(of: parameter) { Product.compute(a, b, scale: scale, accumulating: true, into: $0) }
    }

    /// The parameter's single row += scale · the sum of the rows of `dy`, added in their order: the gradient of a bias.
    package mutating func addRowSum(of dy: Matrix, scale: Float = 1, to parameter: Parameter) {
        precondition(parameter.rows == 1 && parameter.columns == dy.columns, "a bias has a number for each column")
        withMutableView(of: parameter) { sum in
            dy.withView { dy in for row in 0..<dy.rows { sum.add(dy.rows(row..<row + 1), scale: scale) } }
        }
    }

    /// Row `rows[i]` of the parameter += row i of `d`, in the order of i: the gradient of a table that rows are read from.
    package mutating func addRows(of d: Matrix, at rows: [Int], to parameter: Parameter) {
        precondition(d.rows == rows.count && d.columns == parameter.columns, "each row of a gradient has its place")
        withMutableView(of: parameter) { table in
            d.withView { d in
                for (index, row) in rows.enumerated() { table.rows(row..<row + 1).add(d.rows(index..<index + 1)) }
            }
        }
    }
}
