import Matrices

/// The norms of a layer that has them behind its residual sums.
struct PostNorms: Sendable {
    let attention, feedForward: ResidualNorm
}

extension EncoderLayer {
    /// The layer from attention's output on, for some rows:
    ///
    ///     3. h = norm(x + dropout(attended))
    ///     4. y = norm(h + dropout(feedForward(h)))
    func postNormRows(
        _ x: Matrix, _ attended: consuming Matrix, _ attentionOutputPullback: @escaping LinearPullback,
        _ norms: PostNorms, into y: MatrixView, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> RowsPullback {
        // 3.
        var attended = attended
        var h = Matrix(uninitializedRows: x.rows, columns: x.columns)
        let reachesAttended = plan.reaches(.attentionOutput)
        let attentionNormPullback = h.withMutableView {
            norms.attention.forward(&attended, residual: x, into: $0, pass.wanting(reachesAttended))
        }
        // 4.
        let (expanded, feedForwardPullback) = feedForward.forward(h, maps, adapters, plan, pass)
        var z = consume expanded
        let outputNormPullback = norms.feedForward.forward(
            &z, residual: h, into: y, pass.wanting(plan.reaches(.output)))

        return { dy, gradients, dContext, dx in
            // 4.
            guard let outputNormPullback else { return }
            var dh = Matrix(uninitializedRows: dy.rows, columns: dy.columns)
            let dz = dh.withMutableView { outputNormPullback(dy, $0) }
            dh.withMutableView {
                var dh = reachesAttended ? InputGradient(addingTo: $0) : .unwanted
                feedForwardPullback(dz, &gradients, &dh)
            }
            // 3.
            guard let attentionNormPullback else { return }
            let dAttended = attentionNormPullback(dh, dx)
            attentionOutputPullback(dAttended, &gradients, &dContext)
        }
    }
}
