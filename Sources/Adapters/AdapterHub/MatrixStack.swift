import Encoders
import Matrices

/// Several trained matrices of one shape [rows, columns]: whole, or each the product of a left and a right factor.
struct MatrixStack: Sendable, Equatable {
    let count, rows, columns: Int
    /// The matrices one below the other [count · rows, columns]; nil where they are products.
    let whole: Parameter?
    /// The left factors [count · rows, rank] and the right ones [count · rank, columns]; nil where they are whole.
    let left, right: Parameter?
    let rank: Int

    /// Matrices called `name`, or with a rank `name_left` and `name_right`.
    init(name: String, count: Int, rows: Int, columns: Int, rank: Int?) {
        (self.count, self.rows, self.columns) = (count, rows, columns)
        self.rank = rank ?? 0
        whole = rank == nil ? Parameter(name: name, rows: count * rows, columns: columns) : nil
        left = rank.map { Parameter(name: name + "_left", rows: count * rows, columns: $0) }
        right = rank.map { Parameter(name: name + "_right", rows: count * $0, columns: columns) }
    }

    var parameters: [Parameter] { [whole, left, right].compactMap { $0 } }

    /// The axes that the parameters have in a file.
    func shape(of parameter: Parameter) -> [Int] { [count, parameter.rows / count, parameter.columns] }

    /// The matrices one below the other [count · rows, columns].
    func values(_ parameters: ParameterVector) -> Matrix {
        if let whole { return parameters[whole] }
        guard let left, let right else { preconditionFailure("matrices are whole or have two factors") }
        var values = Matrix(uninitializedRows: count * rows, columns: columns)
        let (leftValues, rightValues) = (parameters[left], parameters[right])
        values.withMutableView { values in
            withViews(leftValues, rightValues) { views in
                for index in 0..<count {
                    Product.compute(
                        views[0].rows(index * rows..<(index + 1) * rows),
                        views[1].rows(index * rank..<(index + 1) * rank),
                        into: values.rows(index * rows..<(index + 1) * rows))
                }
            }
        }
        return values
    }

    /// Leaves what the gradient `d` [count · rows, columns] of ``values(_:)`` is for the parameters.
    func addGradient(_ d: Matrix, _ pass: Pass, to gradients: inout Gradients) {
        if let whole {
            guard pass.trains(whole) else { return }
            gradients.withMutableView(of: whole) { sum in d.withView { sum.add($0) } }
            return
        }
        guard let left, let right else { preconditionFailure("matrices are whole or have two factors") }
        let (leftValues, rightValues) = (pass.parameters[left], pass.parameters[right])
        withViews(d, leftValues, rightValues) { views in
            for index in 0..<count {
                let (d, rowRange) = (views[0], index * rows..<(index + 1) * rows)
                let rankRange = index * rank..<(index + 1) * rank
                if pass.trains(left) {
                    // dL = d Rᵀ, by columns that lie side by side.
                    let transposed = Matrix(transposing: views[2].rows(rankRange))
                    gradients.withMutableView(of: left) { sum in
                        transposed.withView {
                            Product.compute(d.rows(rowRange), $0, accumulating: true, into: sum.rows(rowRange))
                        }
                    }
                }
                if pass.trains(right) {
                    gradients.withMutableView(of: right) { sum in
                        Product.compute(
                            views[1].rows(rowRange).transposed, d.rows(rowRange), accumulating: true,
                            into: sum.rows(rankRange))
                    }
                }
            }
        }
    }
}

extension Matrix {
    /// The transpose of what a view shows.
    init(transposing view: MatrixView) {
        self.init(uninitializedRows: view.columns, columns: view.rows)
        withMutableView { out in
            for row in 0..<out.rows {
                for column in 0..<out.columns {
                    out.base[row * out.rowStride + column] =
                        view.base[column * view.rowStride + row * view.columnStride]
                }
            }
        }
    }
}
