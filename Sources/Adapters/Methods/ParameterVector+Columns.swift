import Encoders
import Matrices

/// Gradients of what multiplies columns, and of factors of products.
extension ParameterVector {
    /// The parameter's single row += the sum of the rows of a ⊙ b, in their order: the gradient of factors of columns.
    mutating func addColumnSums(of a: Matrix, times b: Matrix, to parameter: Parameter) {
        precondition(a.rows == b.rows && a.columns == b.columns, "only matrices of one shape are multiplied so")
        precondition(parameter.count == a.columns, "\(parameter.name) has a factor for each column")
        let columns = a.columns
        withMutableView(of: parameter) { sum in
            a.withBuffer { a in
                b.withBuffer { b in
                    for row in 0..<a.count / max(columns, 1) {
                        let start = row * columns
                        for column in 0..<columns { sum.base[column] += a[start + column] * b[start + column] }
                    }
                }
            }
        }
    }

    /// The parameter's matrix += scale · a·bᵀ
    mutating func addProduct(_ a: MatrixView, transposed b: MatrixView, scale: Float = 1, to parameter: Parameter) {
        withMutableView(of: parameter) {
            Product.compute(a, PackedMatrix(b.transposed), scale: scale, accumulating: true, into: $0)
        }
    }
}

extension Matrix {
    /// scale · a·b
    static func product(_ a: Matrix, _ b: Matrix, scale: Float = 1) -> Matrix {
        var product = Matrix(uninitializedRows: a.rows, columns: b.columns)
        withViews(a, b) { views in
            product.withMutableView { Product.compute(views[0], views[1], scale: scale, into: $0) }
        }
        return product
    }

    /// self becomes scale · self ⊙ other.
    mutating func multiply(by other: Matrix, scale: Float = 1) {
        precondition(rows == other.rows && columns == other.columns, "only matrices of one shape are multiplied so")
        let count = count
        withMutableBuffer { values in
            other.withBuffer { other in for index in 0..<count { values[index] *= scale * other[index] } }
        }
    }

    /// Uniform numbers within ±`bound`, a function of the seed and the name.
    static func uniform(_ parameter: Parameter, bound: Float, seed: UInt64) -> Matrix {
        var random = RandomStream(seed: seed, name: parameter.name)
        return Matrix(
            rows: parameter.rows, columns: parameter.columns,
            values: (0..<parameter.count).map { _ in (2 * random.uniform() - 1) * bound })
    }
}
