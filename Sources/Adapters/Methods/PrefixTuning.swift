import Encoders
import Foundation
import Matrices

/// Keys and values of one layer that train (prefix tuning, Li and Liang 2021), as they stand before each text's own.
public struct PrefixTuning: AttentionPrefix {
    /// [tokens, 2 · width]: keys, and beside them values.
    public let rows: Parameter

    /// A prefix of so many tokens for the layer called `name`, whose keys and values are `width` wide.
    public init(name: String, count: Int, width: Int) {
        rows = Parameter(name: name + ".prefix", rows: count, columns: 2 * width)
    }

    /// How many tokens it stands for.
    public var count: Int { rows.rows }

    /// The keys and values.
    public var parameters: [Parameter] { [rows] }

    /// Keys and values [tokens, width], and the way back.
    public func forward(_ pass: Pass) -> (keys: Matrix, values: Matrix, pullback: PrefixPullback) {
        let (keys, values) = pass.parameters[rows].halves
        let trainsRows = pass.trains(rows)
        return (
            keys, values,
            { [rows] dKeys, dValues, gradients in
                guard trainsRows else { return }
                gradients.withMutableView(of: rows) { $0.addHalves(dKeys, dValues) }
            }
        )
    }
}

/// The same where keys and values of all layers come from one table of embeddings, through a map that is shared, tanh, and a map
/// for each layer: harder to train wrong, and the same to use, for what is saved is what comes out.
public struct ProjectedPrefix: AttentionPrefix {
    /// [tokens, width], shared by all layers.
    public let embeddings: Parameter
    /// W₁ [hidden, width] and b₁ [1, hidden], shared by all layers.
    public let firstWeight, firstBias: Parameter
    /// W₂ [2 · width, hidden] and b₂ [1, 2 · width] of this layer.
    public let secondWeight, secondBias: Parameter

    /// The prefix of one layer, called `name`.
    public init(name: String, count: Int, width: Int, hidden: Int) {
        embeddings = Parameter(name: "prefix.embeddings", rows: count, columns: width)
        firstWeight = Parameter(name: "prefix.first.weight", rows: hidden, columns: width)
        firstBias = Parameter(name: "prefix.first.bias", rows: 1, columns: hidden)
        secondWeight = Parameter(name: name + ".prefix.second.weight", rows: 2 * width, columns: hidden)
        secondBias = Parameter(name: name + ".prefix.second.bias", rows: 1, columns: 2 * width)
    }

    /// How many tokens it stands for.
    public var count: Int { embeddings.rows }

    /// Those that all layers share, then those of this one.
    public var parameters: [Parameter] { [embeddings, firstWeight, firstBias, secondWeight, secondBias] }

    /// Keys and values [tokens, width], and the way back.
    public func forward(_ pass: Pass) -> (keys: Matrix, values: Matrix, pullback: PrefixPullback) {
        let (hidden, rows) = computed(pass.parameters)
        let (keys, values) = rows.halves
        return (
            keys, values,
            { [self] dKeys, dValues, gradients in
                let values = pass.parameters
                var d = Matrix(rows: count, columns: secondBias.columns)
                d.withMutableView { $0.addHalves(dKeys, dValues) }
                // rows = h W₂ᵀ + b₂
                if pass.trains(secondBias) { gradients.addRowSum(of: d, to: secondBias) }
                if pass.trains(secondWeight) {
                    withViews(d, hidden) { gradients.addProduct($0[0].transposed, $0[1], to: secondWeight) }
                }
                guard [embeddings, firstWeight, firstBias].contains(where: pass.trains) else { return }
                // h = tanh(u)
                var du = Matrix.product(d, values[secondWeight])
                du.multiply(by: hidden.tanhSlopes)
                // u = E W₁ᵀ + b₁
                if pass.trains(firstBias) { gradients.addRowSum(of: du, to: firstBias) }
                withViews(du, values[embeddings], values[firstWeight]) { views in
                    if pass.trains(firstWeight) {
                        gradients.addProduct(views[0].transposed, views[1], to: firstWeight)
                    }
                    if pass.trains(embeddings) { gradients.addProduct(views[0], views[2], to: embeddings) }
                }
            }
        )
    }

    /// What is between the maps, and the keys and values of this layer [tokens, 2 · width].
    func computed(_ parameters: ParameterVector) -> (hidden: Matrix, rows: Matrix) {
        var hidden = Matrix.product(parameters[embeddings], parameters[firstWeight].transposed())
        hidden.addToRows(parameters[firstBias].values)
        hidden.applyTanh()
        var rows = Matrix.product(hidden, parameters[secondWeight].transposed())
        rows.addToRows(parameters[secondBias].values)
        return (hidden, rows)
    }
}

extension Matrix {
    /// The left half of the columns, and the right half.
    fileprivate var halves: (Matrix, Matrix) {
        func half(_ columns: Range<Int>) -> Matrix {
            var half = Matrix(uninitializedRows: rows, columns: columns.count)
            half.withMutableView { half in withView { half.copy($0[0..<$0.rows, columns]) } }
            return half
        }
        return (half(0..<columns / 2), half(columns / 2..<columns))
    }

    /// 1 − h² of h = tanh(u).
    fileprivate var tanhSlopes: Matrix { Matrix(rows: rows, columns: columns, values: values.map { 1 - $0 * $0 }) }

    fileprivate mutating func applyTanh() {
        self = Matrix(rows: rows, columns: columns, values: values.map { Float(Foundation.tanh(Double($0))) })
    }

    /// Each row += `values`.
    mutating func addToRows(_ values: [Float]) {
        precondition(values.count == columns, "each column has a number to add")
        let rows = rows
        withMutableBuffer { buffer in
            for row in 0..<rows {
                for (column, value) in values.enumerated() { buffer[row * values.count + column] += value }
            }
        }
    }
}

extension MatrixView {
    /// The left half of the columns += a, the right half += b.
    fileprivate func addHalves(_ a: Matrix, _ b: Matrix) {
        withViews(a, b) { views in
            self[0..<rows, 0..<columns / 2].add(views[0])
            self[0..<rows, columns / 2..<columns].add(views[1])
        }
    }
}
