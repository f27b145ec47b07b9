import Matrices

/// A block-diagonal matrix that rows are multiplied with: x R, with blocks of [size, size].
///
/// Small blocks are multiplied several at a time, as one with zeros between them: a product of 32 columns is done sooner than
/// eight of four.
struct BlockRotation: Sendable {
    /// Rows and columns of a block.
    let size: Int
    /// How many there are.
    let count: Int
    /// Some blocks on the diagonal of one, one below the other; and each of these transposed.
    private let wide, wideTransposed: Matrix
    /// How many blocks of R are on one diagonal, but for the last.
    private let group: Int

    /// `blocks` [count · size, size], one below the other.
    init(blocks: Matrix) {
        size = blocks.columns
        count = blocks.rows / max(size, 1)
        group = min(count, max(1, 32 / size))
        (wide, wideTransposed) = (
            BlockRotation.widened(blocks, group, isTransposed: false),
            BlockRotation.widened(blocks, group, isTransposed: true)
        )
    }

    /// A rotation that was made before of ``matrices``.
    init(size: Int, count: Int, _ matrices: [Matrix]) {
        (self.size, self.count) = (size, count)
        group = min(count, max(1, 32 / size))
        (wide, wideTransposed) = (matrices[0], matrices[1])
    }

    /// All that it is made of, to be kept.
    var matrices: [Matrix] { [wide, wideTransposed] }

    private static func widened(_ blocks: Matrix, _ group: Int, isTransposed: Bool) -> Matrix {
        let size = blocks.columns
        let count = blocks.rows / size
        var wide = Matrix(rows: (count + group - 1) / group * group * size, columns: group * size)
        wide.withMutableView { wide in
            blocks.withView { blocks in
                for block in 0..<count {
                    let column = block % group * size
                    let target = wide[block * size..<(block + 1) * size, column..<column + size]
                    let source = blocks.rows(block * size..<(block + 1) * size)
                    for row in 0..<size {
                        for column in 0..<size {
                            let place = isTransposed ? (column, row) : (row, column)
                            target.base[place.0 * target.rowStride + place.1] = source.base[row * size + column]
                        }
                    }
                }
            }
        }
        return wide
    }

    /// x R
    func rotate(_ x: Matrix) -> Matrix { multiply(x, wide) }

    /// y Rᵀ: the gradient of what was rotated, from that of what came of it.
    func rotateBack(_ y: Matrix) -> Matrix { multiply(y, wideTransposed) }

    private func multiply(_ x: Matrix, _ wide: Matrix) -> Matrix {
        var out = Matrix(uninitializedRows: x.rows, columns: x.columns)
        out.withMutableView { out in
            withViews(x, wide) { views in
                forEachGroup { columns in
                    let blocks = views[1][columns, 0..<columns.count]
                    Product.compute(views[0][0..<x.rows, columns], blocks, into: out[0..<x.rows, columns])
                }
            }
        }
        return out
    }

    /// The gradient of the blocks [count · size, size], from that of x R.
    func gradient(of x: Matrix, _ dy: Matrix) -> Matrix {
        var blocks = Matrix(uninitializedRows: count * size, columns: size)
        var product = Matrix(uninitializedRows: group * size, columns: group * size)
        blocks.withMutableView { blocks in
            withViews(x, dy) { views in
                forEachGroup { columns in
                    product.withMutableView { product in
                        let (x, dy) = (views[0][0..<views[0].rows, columns], views[1][0..<views[1].rows, columns])
                        Product.compute(x.transposed, dy, into: product[0..<columns.count, 0..<columns.count])
                        for first in stride(from: 0, to: columns.count, by: size) {
                            let range = first..<first + size
                            blocks.rows(columns.lowerBound + first..<columns.lowerBound + first + size)
                                .copy(product[range, range])
                        }
                    }
                }
            }
        }
        return blocks
    }

    /// Calls `body` for the columns of each group of blocks.
    private func forEachGroup(_ body: (Range<Int>) -> Void) {
        for first in stride(from: 0, to: count, by: group) {
            body(first * size..<min(first + group, count) * size)
        }
    }
}
