import Encoders
import Matrices

/// The changes that several adapters make to the rows of one table of embeddings, each times a weight: E + Σ wᵢ (adapterᵢ(E) − E).
///
/// Each adapter has values of its own, so that nothing here trains.
struct TableSum: TableAdapter {
    /// One of the adapters.
    struct Term: Sendable {
        let adapter: any TableAdapter
        let weight: Float
        /// Its values.
        let pass: Pass
    }

    let terms: [Term]
    /// None.
    var parameters: [Parameter] { [] }

    func forward(
        _ rows: Matrix, at indices: [Int], of table: FrozenTable, _ pass: Pass
    ) -> (rows: Matrix, pullback: TablePullback) {
        precondition(pass.demand == .nothing && pass.dropout == nil, "a sum of adapters is for inference")
        let changed = sum(of: rows) { $0.adapter.forward(rows, at: indices, of: table, $0.pass).rows }
        return (changed, { dRows, _ in dRows })
    }

    /// E + Σ wᵢ ΔEᵢ
    func merged(into table: Matrix, _ parameters: ParameterVector) -> Matrix {
        sum(of: table) { $0.adapter.merged(into: table, $0.pass.parameters) }
    }

    private func sum(of rows: Matrix, _ changed: (Term) -> Matrix) -> Matrix {
        var sum = rows
        for term in terms {
            var change = changed(term)
            change.add(rows, scale: -1)
            sum.add(change, scale: term.weight)
        }
        return sum
    }
}
