import Matrices

/// A module after the pooling: what becomes of the vectors of texts.
package enum SentenceLayer: Sendable {
    /// A linear map and an activation.
    case dense(SentenceDense)
    /// A layer norm.
    case layerNorm(SentenceLayerNorm)
    /// Each vector scaled to length 1.
    case normalize

    /// y of x [texts, width], and the way back.
    package func forward(_ x: Matrix) -> (y: Matrix, pullback: @Sendable (_ dy: Matrix) -> Matrix) {
        switch self {
        case .dense(let dense): return dense.forward(x)
        case .layerNorm(let norm): return norm.forward(x)
        case .normalize:
            var y = x
            y.normalizeRows()
            return (y, { [y] dy in Self.normalizePullback(dy, x: x, y: y) })
        }
    }

    /// dx = (dy − y (y · dy)) / |x|; a length below 1e-12 counts as that, and is then a constant.
    private static func normalizePullback(_ dy: Matrix, x: Matrix, y: Matrix) -> Matrix {
        var dx = dy
        let columns = dy.columns
        dx.withMutableBuffer { dx in
            x.withBuffer { x in
                y.withBuffer { y in
                    for start in stride(from: 0, to: dx.count, by: max(columns, 1)) {
                        let row = start..<start + columns
                        let length = row.reduce(Float(0)) { $0 + x[$1] * x[$1] }.squareRoot()
                        let along = length < 1e-12 ? 0 : row.reduce(Float(0)) { $0 + y[$1] * dx[$1] }
                        for index in row { dx[index] = (dx[index] - y[index] * along) / max(length, 1e-12) }
                    }
                }
            }
        }
        return dx
    }
}
