import Encoders
import Matrices
import Synchronization

/// An adapter that changes nothing and remembers what its map reads.
final class InputProbe: LinearAdapter {
    private let blocks = Mutex<[(firstRow: Int, rows: Matrix)]>([])

    var parameters: [Parameter] { [] }

    func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        blocks.withLock { $0.append((pass.firstRow, x.values)) }
        return base.forward(x, pass)
    }

    /// The rows of the batch, in their order, and none is remembered any more.
    func take() -> Matrix {
        let blocks = blocks.withLock { blocks in
            defer { blocks = [] }
            return blocks.sorted { $0.firstRow < $1.firstRow }.map(\.rows)
        }
        return Matrix(
            rows: blocks.reduce(0) { $0 + $1.rows }, columns: blocks.first?.columns ?? 0,
            values: blocks.flatMap(\.values))
    }
}
