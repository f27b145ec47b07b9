import Matrices

extension EncoderLayer {
    /// Whether an adapter sits on one of the layer's blocks.
    func hasAdaptedBlocks(_ adapters: AdapterSet) -> Bool {
        guard !adapters.blocks.isEmpty else { return false }
        return BlockSite.Block.allCases.contains { adapters.blocks[BlockSite(layer: maps.layer, block: $0)] != nil }
    }

    /// What a pre-norm layer computes from attention's output on, for some rows, where an adapter sits on a block:
    ///
    ///     3. s = join(attended, x, n),  m = norm(s)
    ///     4. y = join(feedForward(m), s, m)
    ///
    /// n is what attention reads.
    func adaptedPreNormRows(
        _ x: Matrix, reading n: Matrix, _ attended: Matrix, _ attentionOutputPullback: @escaping LinearPullback,
        _ norms: PreNorms, into y: MatrixView, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> RowsPullback {
        // 3.
        let (s, attentionPullback) = join(
            attended, of: .attention, reading: n, to: x, norms.feedForward.dropout, adapters, plan, pass)
        let (m, normPullback) = norms.feedForward.norm.forward(s, isBackwardRun: plan.reachesMiddle)
        // 4.
        let (z, feedForwardPullback) = feedForward.forward(m, maps, adapters, plan, pass)
        let (sum, outputPullback) = join(
            z, of: .feedForward, reading: m, to: s, norms.dropout, adapters, plan, pass)
        sum.withView { y.copy($0) }

        return { dy, gradients, dContext, dx, dn in
            // 4.
            guard plan.reachesTop else { return }
            var (dz, ds, dInput) = outputPullback(dy, &gradients)
            guard plan.reaches(.output) else { return }
            var dm = plan.reachesMiddle ? Matrix(uninitializedRows: dy.rows, columns: dy.columns) : .empty
            dm.withMutableView { view in
                var dm = plan.reachesMiddle ? InputGradient(into: view) : .unwanted
                if let dInput { dm.add(dInput) }
                feedForwardPullback(dz, &gradients, &dm)
            }
            // 3.
            guard plan.reachesMiddle else { return }
            ds.add(normPullback(dm, &gradients))
            guard plan.reachesAttentionSum else { return }
            (dz, ds, dInput) = attentionPullback(ds, &gradients)
            guard plan.reaches(.attentionOutput) else { return }
            ds.withView { dx.copy($0) }
            if let dInput, let dn { dInput.withView { dn.copy($0) } }
            attentionOutputPullback(dz, &gradients, &dContext)
        }
    }

    /// Gives the gradients of a block's result and of the residual stream, and of what the block reads where its adapter reads
    /// that too.
    private typealias JoinPullback =
        @Sendable (_ ds: Matrix, _ gradients: inout Gradients) -> (dResult: Matrix, dStream: Matrix, dInput: Matrix?)

    /// The residual sum behind a block of a pre-norm layer: by itself, or through the block's adapter.
    private func join(
        _ result: Matrix, of block: BlockSite.Block, reading input: Matrix, to stream: Matrix, _ dropout: Dropout,
        _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (sum: Matrix, pullback: JoinPullback) {
        let mask = dropout.mask(pass)
        @Sendable func dropped(_ rows: Matrix) -> Matrix {
            guard let mask else { return rows }
            var rows = rows
            rows.drop(mask)
            return rows
        }
        guard let adapter = adapters.blocks[BlockSite(layer: maps.layer, block: block)] else {
            return (dropped(result) + stream, { ds, _ in (dropped(ds), ds, nil) })
        }
        let pass = pass.demanding(plan.demand(of: block))
        guard wiring == .blockInput else {
            let (sum, pullback) = adapter.forward(dropped(result), stream, BlockSum(norm: nil), pass)
            return (
                sum,
                { ds, gradients in
                    let (dResult, dStream) = pullback(ds, &gradients)
                    return (dropped(dResult), dStream, nil)
                }
            )
        }
        let (changed, pullback) = adapter.forward(result, input, BlockSum(norm: nil, isBehindAdapter: true), pass)
        return (
            dropped(changed) + stream,
            { ds, gradients in
                let (dResult, dInput) = pullback(dropped(ds), &gradients)
                return (dResult, ds, dInput)
            }
        )
    }
}
