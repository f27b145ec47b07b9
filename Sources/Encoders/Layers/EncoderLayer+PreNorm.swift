import Matrices

/// The norms of a layer that has them before its blocks, and the dropout behind these.
struct PreNorms: Sendable {
    /// nil where attention reads the layer's input as it is.
    var attention: Norm?
    /// Behind the first residual sum, whose dropout it has.
    var feedForward: ResidualNorm
    /// Before the second residual sum.
    let dropout: Dropout
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
        var s = attended
        var m = Matrix(uninitializedRows: x.rows, columns: x.columns)
        let normPullback = m.withMutableView {
            norms.feedForward.forward(&s, residual: x, into: $0, isStream: true, pass.wanting(plan.reachesMiddle))
        }
        // 4.
        let (expanded, feedForwardPullback) = feedForward.forward(m, maps, adapters, plan, pass)
        let mask = norms.dropout.mask(pass)
        var z = consume expanded
        if let mask { z.drop(mask) }
        z.add(s)
        z.withView { y.copy($0) }

        return { dy, gradients, dContext, dx, _ in
            // 4.
            guard plan.reaches(.output) else { return }
            var dz = dy
            if let mask { dz.drop(mask) }
            var dm = plan.reachesMiddle ? Matrix(uninitializedRows: dy.rows, columns: dy.columns) : .empty
            dm.withMutableView {
                var dm = plan.reachesMiddle ? InputGradient(into: $0) : .unwanted
                feedForwardPullback(dz, &gradients, &dm)
            }
            // 3.
            guard let normPullback else { return }
            dy.withView { dx.copy($0) }
            let dAttended = normPullback(dm, &gradients, dx)
            guard plan.reaches(.attentionOutput) else { return }
            attentionOutputPullback(dAttended, &gradients, &dContext)
        }
    }
}
