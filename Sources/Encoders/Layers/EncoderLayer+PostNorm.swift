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
            add(
                &attended, of: .attention, to: x, norms.attention, into: $0, adapters, plan,
                pass.wanting(plan.reachesMiddle))
        }
        // 4.
        let (expanded, feedForwardPullback) = feedForward.forward(h, maps, adapters, plan, pass)
        var z = consume expanded
        let outputNormPullback = add(
            &z, of: .feedForward, to: h, norms.feedForward, into: y, adapters, plan, pass.wanting(plan.reachesTop))

        return { dy, gradients, dContext, dx, _ in
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

    /// The residual sum behind a block, and the norm behind that: by themselves, or through the block's adapter.
    private func add(
        _ result: inout Matrix, of block: BlockSite.Block, to residual: Matrix, _ norm: ResidualNorm,
        into y: MatrixView, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> ResidualNorm.Pullback? {
        guard let adapter = adapters.blocks[BlockSite(layer: maps.layer, block: block)] else {
            return norm.forward(&result, residual: residual, into: y, pass)
        }
        let mask = norm.dropout.mask(pass)
        if let mask { result.drop(mask) }
        let demand = plan.demand(of: block)
        let isExchanged = block == .attention && wiring == .exchangedAroundAttention
        let (sum, pullback) = adapter.forward(
            isExchanged ? residual : result, isExchanged ? result : residual, BlockSum(norm: norm.norm),
            pass.demanding(demand))
        sum.withView { y.copy($0) }
        guard demand > .nothing else { return nil }
        return { dy, gradients, dResidual in
            var (dResult, dOther) = pullback(dy, &gradients)
            guard demand == .parametersAndInput else { return .empty }
            if isExchanged { swap(&dResult, &dOther) }
            dOther.withView { dResidual.copy($0) }
            if let mask { dResult.drop(mask) }
            return dResult
        }
    }
}
