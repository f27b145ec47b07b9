import Encoders
import Matrices

extension Pass {
    /// The same pass for what stands behind something that trains: its pullback will be asked for the gradient of its input.
    var reachingInput: Pass {
        guard demand > .nothing else { return self }
        var pass = self
        pass.demand = .parametersAndInput
        return pass
    }

    /// Random numbers called `name` for all rows of this pass alike; nil where nothing is to drop.
    func random(_ name: String) -> RandomStream? {
        dropout.map { RandomStream(seed: $0.key(name), name: name) }
    }
}

/// The gradient of what went into a linear map, as a matrix of its own [tokens, `columns`].
func inputGradient(
    of dy: Matrix, by pullback: LinearPullback, columns: Int, _ gradients: inout Gradients
) -> Matrix {
    var du = Matrix(uninitializedRows: dy.rows, columns: columns)
    du.withMutableView {
        var share = InputGradient(into: $0)
        pullback(dy, &gradients, &share)
    }
    return du
}

extension Matrix {
    /// Row i multiplied by `factors[i]`.
    func multiplyingRows(by factors: [Float]) -> Matrix {
        precondition(factors.count == rows, "each row has a factor")
        var out = self
        let columns = columns
        out.withMutableBuffer { values in
            for (row, factor) in factors.enumerated() {
                for index in row * columns..<(row + 1) * columns { values[index] *= factor }
            }
        }
        return out
    }
}
