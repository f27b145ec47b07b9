import Encoders
import Matrices

/// Low-rank adaptation of a frozen table of embeddings E [rows, width], as PEFT has it for embeddings: with A [rank, rows] and
/// B [width, rank], row i becomes
///
///     Eᵢ + s · (A:ᵢ)ᵀ Bᵀ
///
/// and with trained lengths (DoRA) g ⊙ that, g = m / n, where m and n are [1, width], n being the length of each column of
/// E + s · Aᵀ Bᵀ over the whole table: a constant in the backward, computed once for all that share a pass.
///
/// A starts at zero and B from the normal distribution, so a fresh adapter changes nothing. Nothing is dropped.
public struct TableLoRA: TableAdapter, Equatable {
    /// A [rank, rows].
    public let a: Parameter
    /// B [width, rank].
    public let b: Parameter
    /// m [1, width]; nil: columns have the lengths that come of A and B.
    public let magnitude: Parameter?
    /// s
    public let scale: Float

    /// An adapter for a table of these extents. `name` is unique among adapters: parameters are called after it.
    public init(name: String, rows: Int, width: Int, rank: Int, scale: Float, hasMagnitude: Bool = false) {
        precondition(rank > 0, "a low-rank adapter has a rank of at least 1")
        a = Parameter(name: name + ".lora_embedding_A", rows: rank, columns: rows)
        b = Parameter(name: name + ".lora_embedding_B", rows: width, columns: rank)
        magnitude = hasMagnitude ? Parameter(name: name + ".lora_magnitude_vector", rows: 1, columns: width) : nil
        self.scale = scale
    }

    /// A, B, then m.
    public var parameters: [Parameter] { [a, b] + [magnitude].compactMap { $0 } }

    /// A, which starts at zero.
    public var upperParameters: [Parameter] { [a] }

    /// m
    public var undecayedParameters: [Parameter] { [magnitude].compactMap { $0 } }

    /// B from the normal distribution, as PEFT starts it; A stays zero, and m is what the columns' lengths are.
    public func initialize(_ values: inout ParameterVector, on table: Matrix, seed: UInt64) {
        var random = RandomStream(seed: seed, name: b.name)
        values[b] = Matrix(rows: b.rows, columns: b.columns, values: (0..<b.count).map { _ in random.normal() })
        if let magnitude { values[magnitude] = norms(values, rows: table.rows) { table.rows($0) } }
    }

    /// The rows [tokens, width] with the change; the pullback leaves dA, dB and dm.
    public func forward(
        _ rows: Matrix, at indices: [Int], of table: FrozenTable, _ pass: Pass
    ) -> (rows: Matrix, pullback: TablePullback) {
        let b = pass.parameters[b]
        // h = the columns of A that belong to the rows
        let h = columns(of: pass.parameters, at: indices)
        var v = rows
        withViews(h, b) { views in
            v.withMutableView {
                Product.compute(
                    views[0], PackedMatrix(views[1].transposed), scale: scale, accumulating: true, into: $0)
            }
        }
        var lengths: (gains: [Float], norms: [Float])?
        if let magnitude {
            let norms = pass.changedMaps.matrix(of: magnitude) { [values = pass.parameters] in
                self.norms(values, rows: table.rows) { table.rows($0, values) }
            }
            lengths = (gains(norms, pass.parameters), norms.values)
        }
        let y = lengths.map { v.multiplyingColumns(by: $0.gains) } ?? v
        guard pass.demand > .nothing else { return (y, { dRows, _ in dRows }) }
        let trainsLengths = magnitude.map(pass.trains) ?? false
        return (
            y,
            { [self, lengths, v = trainsLengths ? v : .empty] dy, gradients in
                var dv = dy
                if let lengths, let magnitude {
                    if trainsLengths { addGradient(of: dy, v, lengths.norms, to: magnitude, &gradients) }
                    dv = dy.multiplyingColumns(by: lengths.gains)
                }
                // dB += s · dvᵀ h
                if pass.trains(self.b) {
                    withViews(dv, h) { gradients.addProduct($0[0].transposed, $0[1], scale: scale, to: self.b) }
                }
                // dA's columns += s · dv B
                if pass.trains(a) {
                    var dh = Matrix(uninitializedRows: dv.rows, columns: h.columns)
                    withViews(dv, b) { views in
                        dh.withMutableView {
                            Product.compute(views[0], PackedMatrix(views[1]), scale: scale, into: $0)
                        }
                    }
                    addColumns(of: dh, at: indices, to: &gradients)
                }
                return dv
            }
        )
    }

    /// The columns of A with these numbers, as rows [count, rank].
    private func columns(of values: ParameterVector, at indices: [Int]) -> Matrix {
        var h = Matrix(uninitializedRows: indices.count, columns: a.rows)
        values.withView(of: a) { a in
            h.withMutableView { h in
                for (row, index) in indices.enumerated() {
                    for rank in 0..<a.rows { h.base[row * h.rowStride + rank] = a.base[rank * a.rowStride + index] }
                }
            }
        }
        return h
    }

    private func addColumns(of dh: Matrix, at indices: [Int], to gradients: inout Gradients) {
        gradients.withMutableView(of: a) { dA in
            dh.withView { dh in
                for (row, index) in indices.enumerated() {
                    for rank in 0..<dA.rows {
                        dA.base[rank * dA.rowStride + index] += dh.base[row * dh.rowStride + rank]
                    }
                }
            }
        }
    }

    /// dm += Σ dy ⊙ v / n
    private func addGradient(
        of dy: Matrix, _ v: Matrix, _ norms: [Float], to magnitude: Parameter, _ gradients: inout Gradients
    ) {
        var sums = [Float](repeating: 0, count: dy.columns)
        dy.withBuffer { dy in
            v.withBuffer { v in
                for start in stride(from: 0, to: dy.count, by: sums.count) {
                    for column in sums.indices { sums[column] += dy[start + column] * v[start + column] }
                }
            }
        }
        for column in sums.indices { sums[column] = norms[column] == 0 ? 0 : sums[column] / norms[column] }
        gradients.addRowSum(of: Matrix(rows: 1, columns: sums.count, values: sums), to: magnitude)
    }

    // MARK: Lengths

    /// n [1, width]: block by block over the table's rows, which `block` gives.
    private func norms(_ values: ParameterVector, rows: Int, _ block: (Range<Int>) -> Matrix) -> Matrix {
        let size = 512
        let packed = values.withView(of: b) { PackedMatrix($0.transposed) }
        // Summed in the order of the blocks, whichever thread was done first.
        let sums = Parallel.map((rows + size - 1) / size) { index -> [Double] in
            let range = index * size..<min(rows, (index + 1) * size)
            var changed = block(range)
            let h = columns(of: values, at: Array(range))
            withViews(h) { h in
                changed.withMutableView {
                    Product.compute(h[0], packed, scale: scale, accumulating: true, into: $0)
                }
            }
            var squares = [Double](repeating: 0, count: b.rows)
            changed.withBuffer { changed in
                for start in stride(from: 0, to: changed.count, by: squares.count) {
                    for column in squares.indices {
                        squares[column] += Double(changed[start + column]) * Double(changed[start + column])
                    }
                }
            }
            return squares
        }
        let norms = (0..<b.rows).map { column in Float(sums.reduce(0) { $0 + $1[column] }.squareRoot()) }
        return Matrix(rows: 1, columns: b.rows, values: norms)
    }

    /// g = m / n; 0 where n is.
    private func gains(_ norms: Matrix, _ values: ParameterVector) -> [Float] {
        guard let magnitude else { return [] }
        return zip(values[magnitude].values, norms.values).map { $1 == 0 ? 0 : $0 / $1 }
    }

    /// E + s · Aᵀ Bᵀ, each column times g where lengths are trained.
    public func merged(into table: Matrix, _ parameters: ParameterVector) -> Matrix {
        var merged = table
        withViews(parameters[a], parameters[b]) { views in
            merged.withMutableView {
                Product.compute(
                    views[0].transposed, PackedMatrix(views[1].transposed), scale: scale, accumulating: true, into: $0)
            }
        }
        guard magnitude != nil else { return merged }
        let norms = norms(parameters, rows: table.rows) { table.rows($0) }
        return merged.multiplyingColumns(by: gains(norms, parameters))
    }
}
