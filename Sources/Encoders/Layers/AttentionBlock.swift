import Matrices

/// The step of a layer in which tokens meet: context = attention(query(x), key(x), value(x)).
///
/// The three projections are maps of their own, or one map that gives all three.
struct AttentionBlock: Sendable {
    let kind: Kind

    /// What scores are made of.
    enum Kind: Sendable {
        /// Queries and keys.
        case plain(Attention)
        /// Queries and keys, and either with relative positions.
        case disentangled(DisentangledAttention, RelativePositions)
    }

    /// Adds the gradient of x to `dx`, from that of the context.
    typealias ContextPullback =
        @Sendable (_ dContext: Matrix, _ gradients: inout Gradients, _ dx: inout InputGradient) -> Void

    /// The context [tokens, heads · width] of x [tokens, hidden].
    func forward(
        _ x: Matrix, _ maps: LayerMaps, _ batch: PackedBatch, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (context: Matrix, pullback: ContextPullback) {
        switch kind {
        case .plain(let attention): plain(attention, x, maps, batch, adapters, plan, pass)
        case .disentangled(let attention, let positions):
            disentangled(attention, positions, x, maps, batch, adapters, plan, pass)
        }
    }

    private func plain(
        _ attention: Attention, _ x: Matrix, _ maps: LayerMaps, _ batch: PackedBatch, _ adapters: AdapterSet,
        _ plan: BackwardPlan, _ pass: Pass
    ) -> (context: Matrix, pullback: ContextPullback) {
        precondition(
            adapters.prefixes.isEmpty || adapters.prefixes[maps.layer] != nil && maps.linear[.queryKeyValue] == nil,
            "a prefix is in all layers, of encoders whose keys and values are maps of their own")
        if let prefix = adapters.prefixes[maps.layer] {
            return behind(prefix, attention, x, maps, batch, adapters, plan, pass)
        }
        if maps.linear[.queryKeyValue] != nil {
            return inOne(attention, LinearInput(x, for: maps[.queryKeyValue]), maps, batch, adapters, plan, pass)
        }
        // 1. query, key, value
        let input = LinearInput(x, for: maps[.query])
        let (query, queryPullback) = maps.project(.query, input, adapters, plan, pass)
        let (key, keyPullback) = maps.project(.key, input, adapters, plan, pass)
        let (value, valuePullback) = maps.project(.value, input, adapters, plan, pass)
        // 2. context
        let wanted = AttentionInputs.Wanted(
            query: plan.reaches(.query), key: plan.reaches(.key), value: plan.reaches(.value))
        let (context, attentionPullback) = attention.forward(
            AttentionInputs(query: query, key: key, value: value), batch, wanted: wanted, pass)
        return (
            context,
            { dContext, gradients, dx in
                // 2.
                guard let d = attentionPullback?(dContext) else { return }
                // 1.
                if wanted.query { queryPullback(d.query, &gradients, &dx) }
                if wanted.key { keyPullback(d.key, &gradients, &dx) }
                if wanted.value { valuePullback(d.value, &gradients, &dx) }
            }
        )
    }

    private func inOne(
        _ attention: Attention, _ x: LinearInput, _ maps: LayerMaps, _ batch: PackedBatch, _ adapters: AdapterSet,
        _ plan: BackwardPlan, _ pass: Pass
    ) -> (context: Matrix, pullback: ContextPullback) {
        // 1. query, key, value
        let (projected, projectionPullback) = maps.project(.queryKeyValue, x, adapters, plan, pass)
        // 2. context
        let isWanted = plan.reaches(.queryKeyValue)
        let wanted = AttentionInputs.Wanted(query: isWanted, key: isWanted, value: isWanted)
        let (context, attentionPullback) = attention.forward(
            AttentionInputs(inOne: projected), batch, wanted: wanted, pass)
        return (
            context,
            { dContext, gradients, dx in
                // 2.
                guard let d = attentionPullback?(dContext) else { return }
                // 1.
                projectionPullback(d.inOne, &gradients, &dx)
            }
        )
    }
}
