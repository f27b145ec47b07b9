import Encoders
import Matrices

/// Low-rank Kronecker product (LyCORIS: Yeh et al. 2024; KronA: Edalati et al. 2022) of one frozen linear map:
///
///     ΔW = s · W₁ ⊗ W₂,   W₁ [a, c], W₂ [b, d],   outputs = a · b, inputs = c · d
///
/// with s = alpha / rank. W₂, and W₁ where both are to be decomposed, are products of rank `rank` unless that is half of an
/// extent or more: then they are trained as they are. W₁ starts at zero, so a fresh adapter changes nothing.
public struct LoKr: WeightUpdate, SeededAdapter {
    /// W₁ and W₂.
    public let left, right: Factor
    /// s
    public let scale: Float
    /// What is dropped in training.
    public let dropout: UpdateDropout

    /// One side of the product.
    public enum Factor: Sendable {
        /// The matrix itself.
        case whole(Parameter)
        /// A product of two.
        case product(Parameter, Parameter)

        /// Those of the whole, or of the two factors.
        public var parameters: [Parameter] {
            switch self {
            case .whole(let whole): [whole]
            case .product(let a, let b): [a, b]
            }
        }

        func value(_ parameters: ParameterVector) -> Matrix {
            switch self {
            case .whole(let whole): parameters[whole]
            case .product(let a, let b): .product(parameters[a], parameters[b])
            }
        }

        func addGradients(of d: Matrix, _ pass: Pass, to gradients: inout Gradients) {
            switch self {
            case .whole(let whole):
                guard pass.trains(whole) else { return }
                d.withView { d in gradients.withMutableView(of: whole) { $0.add(d) } }
            case .product(let a, let b):
                withViews(d, pass.parameters[a], pass.parameters[b]) { views in
                    if pass.trains(a) { gradients.addProduct(views[0], transposed: views[2], to: a) }
                    if pass.trains(b) { gradients.addProduct(views[1].transposed, views[0], to: b) }
                }
            }
        }
    }

    /// An adapter for a linear map of these extents. `factor` is what extents are divided by, nil for divisors near their square
    /// roots. `name` is unique among adapters: parameters are called after it.
    public init(
        name: String, inputs: Int, outputs: Int, rank: Int, scale: Float, decomposesBoth: Bool, factor: Int?,
        dropout: UpdateDropout
    ) {
        precondition(rank > 0, "a low-rank adapter has a rank of at least 1")
        let (c, d) = LoKr.factors(of: inputs, near: factor)
        let (a, b) = LoKr.factors(of: outputs, near: factor)
        func side(_ name: String, _ rows: Int, _ columns: Int, decomposes: Bool) -> Factor {
            guard decomposes, 2 * rank < max(rows, columns) else {
                return .whole(Parameter(name: name, rows: rows, columns: columns))
            }
            return .product(
                Parameter(name: name + "_a", rows: rows, columns: rank),
                Parameter(name: name + "_b", rows: rank, columns: columns))
        }
        left = side(name + ".lokr_w1", a, c, decomposes: decomposesBoth)
        right = side(name + ".lokr_w2", b, d, decomposes: true)
        (self.scale, self.dropout) = (scale, dropout)
    }

    /// Two numbers whose product is `extent`, the smaller first: one is `factor` if that divides the extent; else divisors as near
    /// each other as a walk up from 1 finds them before their sum grows, the smaller one no larger than `factor`.
    static func factors(of extent: Int, near factor: Int?) -> (Int, Int) {
        // A factor that divides stands first, even where it is the larger one.
        if let factor, factor > 0, extent % factor == 0 { return (factor, extent / factor) }
        let limit = factor ?? extent
        var (small, large) = (1, extent)
        while small < large {
            var next = small + 1
            while extent % next != 0 { next += 1 }
            if next + extent / next > 1 + extent || next > limit { break }
            (small, large) = (next, extent / next)
        }
        return (min(small, large), max(small, large))
    }

    /// Those of W₁, then those of W₂.
    public var parameters: [Parameter] { left.parameters + right.parameters }

    /// W₁, or the first of its factors.
    public var upperParameters: [Parameter] { Array(left.parameters.prefix(1)) }

    var keys: (whole: Parameter, alone: Parameter) { (left.parameters[0], right.parameters[0]) }

    /// As PEFT starts them: uniform within ±1/√columns (Kaiming with a = √5), a function of seed and name; W₁, or the first of its
    /// factors, stays zero.
    public func initialize(_ values: inout ParameterVector, seed: UInt64) {
        for parameter in parameters.dropFirst() {
            values[parameter] = .uniform(parameter, bound: 1 / Float(parameter.columns).squareRoot(), seed: seed)
        }
    }

    /// y [tokens, outputs] from x [tokens, inputs]; the pullback leaves the gradients and adds dx.
    public func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) { forwardUpdated(x, base, pass) }

    /// W + ΔW
    public func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix {
        mergedUpdate(into: base, parameters)
    }

    func update(_ parameters: ParameterVector) -> Matrix {
        let (left, right) = (left.value(parameters), right.value(parameters))
        var update = Matrix(uninitializedRows: left.rows * right.rows, columns: left.columns * right.columns)
        let (rows, columns) = (right.rows, right.columns)
        update.withMutableBuffer { update in
            left.withBuffer { left1 in
                right.withBuffer { right in
                    var index = 0
                    for i1 in 0..<left.rows {
                        for i2 in 0..<rows {
                            for j1 in 0..<left.columns {
                                let factor = scale * left1[i1 * left.columns + j1]
                                for j2 in 0..<columns { update[index + j2] = factor * right[i2 * columns + j2] }
                                index += columns
                            }
                        }
                    }
                }
            }
        }
        return update
    }

    func addGradients(of dUpdate: Matrix, _ pass: Pass, to gradients: inout Gradients) {
        let parameters = pass.parameters
        let sides = pass.changedMaps.matrices(of: keys.whole) {
            return [left.value(parameters), right.value(parameters)]
        }
        // Each block (i₁, j₁) of dΔW [b, d] as a row: dW₁ is what these have in common with W₂, dW₂ their sum by W₁.
        let blocks = LoKr.blocks(of: dUpdate, rows: sides[1].rows, columns: sides[1].columns)
        var d1 = Matrix(uninitializedRows: sides[0].count, columns: 1)
        var d2 = Matrix(uninitializedRows: 1, columns: sides[1].count)
        withViews(
            blocks, sides[1].reshaped(rows: sides[1].count, columns: 1),
            sides[0].reshaped(rows: 1, columns: sides[0].count)
        ) { views in
            d1.withMutableView { Product.compute(views[0], views[1], scale: scale, into: $0) }
            d2.withMutableView { Product.compute(views[2], views[0], scale: scale, into: $0) }
        }
        left.addGradients(of: d1.reshaped(rows: sides[0].rows, columns: sides[0].columns), pass, to: &gradients)
        right.addGradients(of: d2.reshaped(rows: sides[1].rows, columns: sides[1].columns), pass, to: &gradients)
    }

    /// The blocks of `rows` × `columns` that a matrix consists of, row of blocks after row, each as one row.
    private static func blocks(of matrix: Matrix, rows: Int, columns: Int) -> Matrix {
        let (down, across) = (matrix.rows / rows, matrix.columns / columns)
        var blocks = Matrix(uninitializedRows: down * across, columns: rows * columns)
        blocks.withMutableView { blocks in
            matrix.withView { matrix in
                for block in 0..<down * across {
                    let (top, left) = (block / across * rows, block % across * columns)
                    let target = MatrixView(
                        base: blocks.base + block * blocks.rowStride, rows: rows, columns: columns, rowStride: columns)
                    target.copy(matrix[top..<top + rows, left..<left + columns])
                }
            }
        }
        return blocks
    }
}

extension Matrix {
    /// The same numbers, row after row, in rows of another length.
    func reshaped(rows: Int, columns: Int) -> Matrix { Matrix(rows: rows, columns: columns, values: values) }
}
