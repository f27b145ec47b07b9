import Matrices

/// One transformer layer, with its norms behind the residual sums (BERT) or before the blocks (T5, ModernBERT):
///
///                post-norm                                      pre-norm
///     1. n     = x                                              norm(x)
///     2. c     = attention(n)                                   the same
///     3. s     = x + dropout(attentionOutput(c))                the same
///        h, m  = norm(s) both                                   s and norm(s)
///     4. y     = norm(h + dropout(feedForward(m)))              h + dropout(feedForward(m))
///
/// Linear maps are frozen, and an adapter may sit on any of them. Attention is the only step in which tokens meet: steps 3
/// and 4 take a block of rows at a time (``RowBlocks``), so that a block's wide intermediate states stay in the second-level
/// cache from one product to the next.
struct EncoderLayer: Sendable {
    /// Its place among the layers that run.
    let index: Int
    var maps: LayerMaps
    let attention: AttentionBlock
    let feedForward: FeedForward
    var norms: LayerNorms
    /// What adapters of its blocks read.
    let wiring: BlockWiring

    /// y [tokens, hidden] from x [tokens, hidden]; the pullback gives dx.
    func forward(
        _ x: Matrix, _ batch: PackedBatch, _ adapters: AdapterSet, _ pass: Pass
    ) -> (y: Matrix, pullback: Pullback) {
        let norms = norms.changed(in: maps.layer, by: adapters, pass)
        let plan = BackwardPlan(layer: maps.layer, isPreNorm: norms.areBefore, adapters, pass)

        // 1. and 2.
        let (n, normPullback) = enter(x, norms, plan)
        let (context, contextPullback) = attention.forward(n, maps, batch, adapters, plan, pass)

        // 3. and 4., block by block
        let blocks = RowBlocks.ranges(of: x.rows)
        var y = Matrix(uninitializedRows: x.rows, columns: x.columns)
        let pullbacks = y.withMutableView { y in
            Parallel.map(blocks.count) { block in
                let rows = blocks[block]
                return forwardRows(
                    x.rows(rows), n.rows(rows), context.rows(rows), norms, into: y.rows(rows), adapters, plan,
                    pass.startingAt(row: rows.lowerBound))
            }
        }
        let behind = adapters.outputs[maps.layer]?.forward(y, batch, pass.demanding(plan.demandOfResult))
        let result = behind?.y ?? y
        guard pass.demand > .nothing else { return (result, { _, _ in .empty }) }
        let attentionSite = BlockSite(layer: maps.layer, block: .attention)
        let readsEntry = plan.reachesEntry && wiring == .blockInput && adapters.blocks[attentionSite] != nil

        return (
            result,
            { [contextWidth = context.columns] dResult, gradients in
                let dy = behind?.pullback(dResult, &gradients) ?? dResult
                guard plan.reachesTop else { return .empty }
                // 4. and 3.: what is left for attention's result and, along the residual, for x
                var dContext =
                    plan.reachesContext ? Matrix(uninitializedRows: dy.rows, columns: contextWidth) : .empty
                var dx = Matrix(uninitializedRows: dy.rows, columns: dy.columns)
                // What an adapter that reads what attention reads leaves for that.
                var dShare = readsEntry ? Matrix(uninitializedRows: dy.rows, columns: dy.columns) : .empty
                dContext.withMutableView { dContext in
                    withMutableViews(&dx, &dShare) { dx, dShare in
                        for (rows, pullback) in zip(blocks, pullbacks) {
                            var dContext = plan.reachesContext ? InputGradient(into: dContext.rows(rows)) : .unwanted
                            pullback(
                                dy.rows(rows), &gradients, &dContext, dx.rows(rows),
                                readsEntry ? dShare.rows(rows) : nil)
                        }
                    }
                }
                guard plan.reachesContext else { return .empty }
                // 2. and 1.
                guard let normPullback else {
                    if readsEntry { dx.add(dShare) }
                    dx.withMutableView {
                        var dx = plan.reachesInput ? InputGradient(addingTo: $0) : .unwanted
                        contextPullback(dContext, &gradients, &dx)
                    }
                    return plan.reachesInput ? dx : .empty
                }
                var dn = plan.reachesEntry ? Matrix(uninitializedRows: dy.rows, columns: dy.columns) : .empty
                dn.withMutableView {
                    var dn = plan.reachesEntry ? InputGradient(into: $0) : .unwanted
                    contextPullback(dContext, &gradients, &dn)
                }
                guard plan.reachesEntry else { return .empty }
                if readsEntry { dn.add(dShare) }
                dx.add(normPullback(dn, &gradients))
                guard plan.reachesInput else { return .empty }
                return dx
            }
        )
    }

    /// Step 1; nil for the way back where x is taken as it is.
    private func enter(
        _ x: Matrix, _ norms: LayerNorms, _ plan: BackwardPlan
    ) -> (n: Matrix, pullback: Norm.Pullback?) {
        guard case .before(let norms) = norms, let norm = norms.attention else { return (x, nil) }
        let (n, pullback) = norm.forward(x, isBackwardRun: plan.reachesEntry)
        return (n, pullback)
    }

    /// Leaves dContext, and writes the gradient of x along the residual to `dx`; to `dn` what an adapter that reads what attention
    /// reads leaves for that, nil where nobody reads it.
    typealias RowsPullback =
        @Sendable (
            _ dy: Matrix, _ gradients: inout Gradients, _ dContext: inout InputGradient, _ dx: MatrixView,
            _ dn: MatrixView?
        ) -> Void

    /// Steps 3 and 4 for some rows of x and of attention's result.
    private func forwardRows(
        _ x: Matrix, _ n: Matrix, _ context: Matrix, _ norms: LayerNorms, into y: MatrixView, _ adapters: AdapterSet,
        _ plan: BackwardPlan, _ pass: Pass
    ) -> RowsPullback {
        let (attended, attentionOutputPullback) = maps.project(
            .attentionOutput, LinearInput(context, for: maps[.attentionOutput]), adapters, plan, pass)
        switch norms {
        case .behind(let norms):
            return postNormRows(
                x, consume attended, attentionOutputPullback, norms, into: y, adapters, plan, pass)
        case .before(let norms):
            guard !hasAdaptedBlocks(adapters) else {
                return adaptedPreNormRows(
                    x, reading: n, attended, attentionOutputPullback, norms, into: y, adapters, plan, pass)
            }
            return preNormRows(
                x, consume attended, attentionOutputPullback, norms, into: y, adapters, plan, pass)
        }
    }
}

/// Where a layer's norms are.
enum LayerNorms: Sendable {
    case behind(PostNorms)
    case before(PreNorms)

    /// Whether they stand before the blocks.
    var areBefore: Bool {
        if case .before = self { true } else { false }
    }

    /// The norms with what `adapters` add to them in `layer`.
    func changed(in layer: Int, by adapters: AdapterSet, _ pass: Pass) -> LayerNorms {
        guard !adapters.norms.isEmpty else { return self }
        let attention = attention?.changed(at: NormSite(layer: layer, place: .attention), by: adapters, pass)
        let feedForward = feedForward.changed(at: NormSite(layer: layer, place: .feedForward), by: adapters, pass)
        return replacing(attention: attention, feedForward: feedForward)
    }

    /// The same places with other norms.
    func replacing(attention: Norm?, feedForward: Norm) -> LayerNorms {
        switch self {
        case .behind(var norms):
            if let attention { norms.attention.norm = attention }
            norms.feedForward.norm = feedForward
            return .behind(norms)
        case .before(var norms):
            norms.attention = attention
            norms.feedForward.norm = feedForward
            return .before(norms)
        }
    }

    /// That of attention; nil where the first layer has none.
    var attention: Norm? {
        switch self {
        case .behind(let norms): norms.attention.norm
        case .before(let norms): norms.attention
        }
    }

    /// That of the feed-forward block.
    var feedForward: Norm {
        switch self {
        case .behind(let norms): norms.feedForward.norm
        case .before(let norms): norms.feedForward.norm
        }
    }
}
