import Matrices
import Safetensors

/// The table of word embeddings [vocabulary, width]. That of a checkpoint stays in the mapped file: a batch reads the rows
/// that it needs.
enum WordTable: Sendable {
    case mapped(TensorView)
    case inMemory(Matrix)

    /// How many rows there are.
    var rows: Int {
        switch self {
        case .mapped(let tensor): tensor.shape[0]
        case .inMemory(let matrix): matrix.rows
        }
    }

    /// Numbers of a row.
    var width: Int {
        switch self {
        case .mapped(let tensor): tensor.shape[1]
        case .inMemory(let matrix): matrix.columns
        }
    }

    /// The whole table.
    var matrix: Matrix {
        switch self {
        case .mapped(let tensor): tensor.checkedMatrix()
        case .inMemory(let matrix): matrix
        }
    }

    /// Copies one row, in float32, to `destination`.
    func copyRow(_ row: Int, into destination: UnsafeMutablePointer<Float>) {
        switch self {
        case .mapped(let tensor): tensor.copyRow(row, into: destination)
        case .inMemory(let matrix):
            matrix.withView { destination.update(from: $0.rows(row..<row + 1).base, count: matrix.columns) }
        }
    }
}
