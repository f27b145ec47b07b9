import Matrices

/// The one way to change the rows that are read from a frozen table of embeddings, other than to change its numbers.
public protocol TableAdapter: Sendable {
    /// What can train, in a fixed order.
    var parameters: [Parameter] { get }
    /// Those of ``parameters`` that start at zero behind others that do not.
    var upperParameters: [Parameter] { get }
    /// Those of ``parameters`` that weight decay leaves alone.
    var undecayedParameters: [Parameter] { get }
    /// The rows [tokens, width] as the adapter makes them of the table's own, and the way back. `indices` says which row of the
    /// table each is.
    func forward(
        _ rows: Matrix, at indices: [Int], of table: FrozenTable, _ pass: Pass
    ) -> (rows: Matrix, pullback: TablePullback)
    /// The table [rows, width] with the change in it.
    func merged(into table: Matrix, _ parameters: ParameterVector) -> Matrix
}

extension TableAdapter {
    /// None.
    public var upperParameters: [Parameter] { [] }
    /// None.
    public var undecayedParameters: [Parameter] { [] }
}

/// Leaves the gradients of a table's adapter from that of the rows that it gave, and gives that of the table's own rows, which
/// what else changes the table may want.
public typealias TablePullback = @Sendable (_ dRows: Matrix, _ gradients: inout Gradients) -> Matrix

/// A frozen table of embeddings [rows, width].
public struct FrozenTable: Sendable {
    /// Its extents.
    public let rows: Int, width: Int
    /// What is added to it besides; nil: nothing.
    let delta: Parameter?
    let source: Source

    enum Source: Sendable {
        case words(WordTable)
        case matrix(Matrix)
    }

    /// Some of its rows [range, width], in float32, with what is added to them.
    public func rows(_ range: Range<Int>, _ parameters: ParameterVector) -> Matrix {
        var block = Matrix(uninitializedRows: range.count, columns: width)
        block.withMutableView { block in
            for (index, row) in range.enumerated() { copy(row, parameters, into: block.rows(index..<index + 1)) }
        }
        return block
    }

    func copy(_ row: Int, _ parameters: ParameterVector, into destination: MatrixView) {
        switch source {
        case .words(let words): words.copyRow(row, into: destination.base)
        case .matrix(let matrix): matrix.withView { destination.copy($0.rows(row..<row + 1)) }
        }
        if let delta { parameters.withView(of: delta) { destination.add($0.rows(row..<row + 1)) } }
    }
}
