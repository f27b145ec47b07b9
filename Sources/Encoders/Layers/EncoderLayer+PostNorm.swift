import Matrices

/// The norms of a layer that has them behind its residual sums.
struct PostNorms: Sendable {
    var attention, feedForward: ResidualNorm
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
        let attentionNormPullback = h.withMutableView {
            norms.attention.forward(&attended, residual: x, into: $0, pass.wanting(plan.reachesMiddle))
        }
        // 4.
        let (expanded, feedForwardPullback) = feedForward.forward(h, maps, adapters, plan, pass)
        var z = consume expanded
        let outputNormPullback = norms.feedForward.forward(
            &z, residual: h, into: y, pass.wanting(plan.reachesTop))

        return { dy, gradients, dContext, dx in
            // 4.
            guard let outputNormPullback else { return }
            var dh = Matrix(uninitializedRows: dy.rows, columns: dy.columns)
            let dz = dh.withMutableView { outputNormPullback(dy, &gradients, $0) }
            guard plan.reaches(.output) else { return }
            dh.withMutableView {
                var dh = plan.reachesMiddle ? InputGradient(addingTo: $0) : .unwanted
                feedForwardPullback(dz, &gradients, &dh)
            }
            // 3.
            guard let attentionNormPullback else { return }
            let dAttended = attentionNormPullback(dh, &gradients, dx)
            guard plan.reaches(.attentionOutput) else { return }
            attentionOutputPullback(dAttended, &gradients, &dContext)
        }
    }
}
