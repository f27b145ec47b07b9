import Matrices

/// The adapters that several tasks have behind one layer, each for its own texts of a batch; the rows of tasks that have none there
/// stay as they are. Inference alone: nothing trains here.
struct MixedOutput: LayerAdapter {
    /// Whole texts.
    var shares = RowShares<(adapter: any LayerAdapter, pass: Pass)>()
    /// None: values are the shares' own.
    var parameters: [Parameter] { [] }

    func forward(_ x: Matrix, _ batch: PackedBatch, _ pass: Pass) -> (y: Matrix, pullback: Pullback) {
        precondition(pass.demand == .nothing && pass.dropout == nil, "a mixed batch is for inference")
        var y = x
        y.withMutableView { y in
            for share in shares.shares {
                let (adapter, pass) = share.owner
                adapter.forward(x.rows(share.rows), batch.texts(in: share.rows), pass).y
                    .withView { y.rows(share.rows).copy($0) }
            }
        }
        return (y, { _, _ in .empty })
    }
}
