import CKernels
import Foundation

/// Rotary positions (Su et al. 2021): of each head of queries and keys, the pair (c, c + width/2) of the token at position p
/// is turned by the angle p / base^(2c/width), so that a product of a query and a key depends on their distance alone.
///
/// This is the convention of transformers, x · cos + rotate_half(x) · sin, and its angles: in float32.
package struct RotaryPositions: Sendable {
    /// The width of a head.
    package let width: Int
    /// The most tokens that a text may have.
    package let maximum: Int
    /// [maximum, width]: of each position, the cosines of its width/2 angles and then the sines.
    private let turns: Matrix

    package init(width: Int, base: Float, maximum: Int) {
        precondition(width > 0 && width % 2 == 0, "rotary positions turn pairs: the width of a head is even")
        precondition(base > 0 && maximum > 0, "rotary positions have a base and positions")
        (self.width, self.maximum) = (width, maximum)
        let frequencies: [Float] = stride(from: 0, to: width, by: 2).map {
            1 / Float(pow(Double(base), Double(Float($0) / Float(width))))
        }
        var turns = Matrix(uninitializedRows: maximum, columns: width)
        turns.withMutableView { turns in
            Parallel.forEachRange(of: maximum, grain: 256) { positions in
                for position in positions {
                    let row = turns.base + position * width
                    for (pair, frequency) in frequencies.enumerated() {
                        let angle = Double(Float(position) * frequency)
                        row[pair] = Float(cos(angle))
                        row[width / 2 + pair] = Float(sin(angle))
                    }
                }
            }
        }
        self.turns = turns
    }

    /// Turns queries or keys [tokens, heads · width], a matrix of its own or columns of a wider one, in place. Positions
    /// begin at 0 with each of `texts`, ranges of rows. `inverse` turns back: so a gradient of what was turned becomes that
    /// of what it was turned from.
    package func rotate(_ x: MatrixView, texts: [Range<Int>], inverse: Bool = false) {
        precondition(x.columns % width == 0, "heads lie side by side in the columns")
        precondition(x.columnStride == 1, "columns of heads lie side by side")
        for text in texts {
            precondition(text.upperBound <= x.rows, "a text lies within the rows")
            precondition(text.count <= maximum, "a text of \(text.count) tokens is longer than \(maximum) positions")
        }
        // Rows of about 64 KB.
        let grain = max(1, 16_384 / max(x.columns, 1))
        turns.withView { turns in
            Parallel.forEach(texts.count) { text in
                let first = texts[text].lowerBound
                Parallel.forEachRange(of: texts[text].count, grain: grain) { positions in
                    Kernels.table.rotate(
                        x.base + (first + positions.lowerBound) * x.rowStride, x.rowStride, positions.count,
                        x.columns / width, width, turns.base + positions.lowerBound * width, inverse)
                }
            }
        }
    }
}
