import Encoders
import Matrices

/// R [rank, width] with orthonormal rows, as PyTorch parametrizes it: R = (B Q)ᵀ with a constant orthogonal B [width, width] and
/// the first columns of a product of reflections,
///
///     Q = H₁ ⋯ H_rank I · diag(signs),   Hᵢ = 1 − 2 vᵢ vᵢᵀ / vᵢᵀ vᵢ
///
/// where vᵢ has zeros above its place i, 1 there, and below that row i of the parameter.
///
/// PyTorch takes the signs from the parameter's diagonal, cut to whole numbers: weight decay, which moves that, makes R zero
/// there. Here they are constants.
struct OrthogonalRows: Sendable, Equatable {
    /// [rank, width], of which the part behind the diagonal counts.
    let original: Parameter
    /// B [width, width].
    let base: Matrix
    /// 1 or −1 for each row.
    let signs: [Float]

    /// R [rank, width], and the states of the product from the last reflection on that its backward reads.
    func rows(_ parameters: ParameterVector) -> (rows: Matrix, states: [Matrix]) {
        let (rank, width) = (original.rows, original.columns)
        // Qᵀ, whose rows are reflected: signs cancel out of no reflection, so they come last.
        var q = Matrix(rows: rank, columns: width)
        for row in 0..<rank { q[row, row] = 1 }
        let vectors = self.vectors(parameters)
        var states: [Matrix] = []
        for index in (0..<rank).reversed() {
            states.append(q)
            q = OrthogonalRows.reflected(q, by: vectors[index])
        }
        for row in 0..<rank where signs[row] != 1 {
            for column in 0..<width { q[row, column] *= signs[row] }
        }
        var rows = Matrix(uninitializedRows: rank, columns: width)
        rows.withMutableView { out in
            // R = Qᵀ Bᵀ
            withViews(q, base) { Product.compute($0[0], PackedMatrix($0[1].transposed), into: out) }
        }
        return (rows, states)
    }

    /// Leaves what the gradient `dRows` [rank, width] of R is for the parameter.
    func addGradient(_ dRows: Matrix, _ states: [Matrix], _ pass: Pass, to gradients: inout Gradients) {
        guard pass.trains(original) else { return }
        let (rank, width) = (original.rows, original.columns)
        var d = Matrix(uninitializedRows: rank, columns: width)
        d.withMutableView { out in withViews(dRows, base) { Product.compute($0[0], $0[1], into: out) } }
        for row in 0..<rank where signs[row] != 1 {
            for column in 0..<width { d[row, column] *= signs[row] }
        }
        let vectors = self.vectors(pass.parameters)
        gradients.withMutableView(of: original) { sum in
            for index in 0..<rank {
                let (v, p) = (vectors[index], states[rank - 1 - index])
                let dv = OrthogonalRows.vectorGradient(d, p, v)
                for column in index + 1..<width { sum.base[index * sum.rowStride + column] += dv[column] }
                d = OrthogonalRows.reflected(d, by: v)
            }
        }
    }

    private func vectors(_ parameters: ParameterVector) -> [[Float]] {
        let values = parameters[original]
        return (0..<original.rows).map { row in
            (0..<original.columns).map { $0 < row ? 0 : $0 == row ? 1 : values[row, $0] }
        }
    }

    /// Each row p of `rows` becomes p − 2 (p·v) v / v·v.
    private static func reflected(_ rows: Matrix, by v: [Float]) -> Matrix {
        var out = rows
        let square = v.reduce(0) { $0 + $1 * $1 }
        out.withMutableView { out in
            for row in 0..<out.rows {
                let p = out.base + row * out.rowStride
                let factor = 2 * dot(p, v) / square
                for column in v.indices { p[column] -= factor * v[column] }
            }
        }
        return out
    }

    /// The gradient of v, of that of p reflected: −2/s (g (p·v) + p (g·v)) + 4/s² (g·v)(p·v) v, over all rows; s = v·v.
    private static func vectorGradient(_ g: Matrix, _ p: Matrix, _ v: [Float]) -> [Float] {
        let square = v.reduce(0) { $0 + $1 * $1 }
        var dv = [Float](repeating: 0, count: v.count)
        withViews(g, p) { views in
            for row in 0..<g.rows {
                let (g, p) = (views[0].base + row * views[0].rowStride, views[1].base + row * views[1].rowStride)
                let (pv, gv) = (dot(p, v), dot(g, v))
                let share = 4 / (square * square) * gv * pv
                for column in v.indices {
                    dv[column] += share * v[column] - 2 / square * (g[column] * pv + p[column] * gv)
                }
            }
        }
        return dv
    }

    private static func dot(_ p: UnsafePointer<Float>, _ v: [Float]) -> Float {
        v.indices.reduce(0) { $0 + p[$1] * v[$1] }
    }

    // MARK: Starting

    /// An orthogonal matrix [width, width] whose first columns span what the rows of `rows` [rank, width] do, each at an acute
    /// angle to its row where those are independent.
    static func completion(of rows: Matrix) -> Matrix {
        let (rank, width) = (rows.rows, rows.columns)
        // Householder's factorization: row i is reflected onto the axis i, behind the ones before it.
        var (left, reflections, isFlipped) = (rows, [[Float]](), [Bool]())
        for index in 0..<rank {
            var v = (0..<width).map { $0 < index ? 0 : left[index, $0] }
            let length = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
            isFlipped.append(v[index] >= 0)
            v[index] += v[index] >= 0 ? length : -length
            if length == 0 { v[index] = 1 }
            left = reflected(left, by: v)
            reflections.append(v)
        }
        // Rows of Bᵀ: the axes, reflected back.
        var transposed = Matrix(rows: width, columns: width)
        for row in 0..<width { transposed[row, row] = row < rank && isFlipped[row] ? -1 : 1 }
        for v in reflections.reversed() { transposed = reflected(transposed, by: v) }
        return transposed.withView { Matrix(transposing: $0) }
    }
}
