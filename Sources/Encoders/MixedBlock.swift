import Matrices

/// The adapters that several tasks have on one block, each for its own rows of a batch; the rows of tasks that have none there go
/// through the residual sum, and the norm behind it, as in the frozen encoder. Inference alone: nothing trains here.
struct MixedBlock: BlockAdapter {
    /// Rows that none has are the frozen encoder's.
    var shares = RowShares<(adapter: any BlockAdapter, pass: Pass)>()
    /// None: values are the shares' own.
    var parameters: [Parameter] { [] }

    func forward(
        _ result: Matrix, _ residual: Matrix, _ sum: BlockSum, _ pass: Pass
    ) -> (y: Matrix, pullback: BlockPullback) {
        precondition(pass.demand == .nothing && pass.dropout == nil, "a mixed batch is for inference")
        func changed(
            _ result: Matrix, _ residual: Matrix, _ owner: (adapter: any BlockAdapter, pass: Pass)?
        ) -> Matrix {
            if let (adapter, pass) = owner { return adapter.forward(result, residual, sum, pass).y }
            return sum.isBehindAdapter ? result : sum.normalize(result + residual, pass).y
        }
        let stretches = shares.stretches(of: pass.firstRow..<pass.firstRow + result.rows)
        let y: Matrix
        if stretches.count == 1 {
            y = changed(result, residual, stretches[0].owner)
        } else {
            var joined = Matrix(uninitializedRows: result.rows, columns: result.columns)
            joined.withMutableView { joined in
                for (rows, owner) in stretches {
                    changed(result.rows(rows), residual.rows(rows), owner).withView { joined.rows(rows).copy($0) }
                }
            }
            y = joined
        }
        return (y, { _, _ in (.empty, .empty) })
    }
}
