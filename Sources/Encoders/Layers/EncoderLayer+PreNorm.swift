import Matrices

/// The norms of a layer that has them before its blocks, and the dropout behind these.
struct PreNorms: Sendable {
    /// nil where attention reads the layer's input as it is.
    let attention: Norm?
    let feedForward: Norm
    let attentionDropout, feedForwardDropout: Dropout
}

extension EncoderLayer {
    /// The layer from attention's output on, for some rows:
    ///
    ///     3. s = x + dropout(attended),  m = norm(s)
    ///     4. y = s + dropout(feedForward(m))
    func preNormRows(
        _ x: Matrix, _ attended: consuming Matrix, _ attentionOutputPullback: @escaping LinearPullback,
        _ norms: PreNorms, into y: MatrixView, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> RowsPullback {
        // 3.
        let reachesAttended = plan.reaches(.attentionOutput)
        let attendedMask = norms.attentionDropout.mask(pass)
        var s = attended
        if let attendedMask { s.drop(attendedMask) }
        s.add(x)
        let (m, normPullback) = norms.feedForward.forward(s, isBackwardRun: reachesAttended)
        // 4.
        let (expanded, feedForwardPullback) = feedForward.forward(m, maps, adapters, plan, pass)
        let expandedMask = norms.feedForwardDropout.mask(pass)
        var z = consume expanded
        if let expandedMask { z.drop(expandedMask) }
        z.add(s)
        z.withView { y.copy($0) }

        return { dy, gradients, dContext, dx in
            // 4.
            guard plan.reaches(.output) else { return }
            var dz = dy
            if let expandedMask { dz.drop(expandedMask) }
            var dm = reachesAttended ? Matrix(uninitializedRows: dy.rows, columns: dy.columns) : .empty
            dm.withMutableView {
                var dm = reachesAttended ? InputGradient(into: $0) : .unwanted
                feedForwardPullback(dz, &gradients, &dm)
            }
            // 3.
            guard reachesAttended else { return }
            var ds = normPullback(dm)
            ds.add(dy)
            ds.withView { dx.copy($0) }
            if let attendedMask { ds.drop(attendedMask) }
            attentionOutputPullback(ds, &gradients, &dContext)
        }
    }
}
