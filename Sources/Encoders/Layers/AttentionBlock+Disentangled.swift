import Matrices

extension AttentionBlock {
    /// The context where scores also tell of relative positions:
    ///
    ///     1. query(x), key(x), value(x)
    ///     2. the table of relative positions as keys and as queries, each where there is such a term
    ///     3. context
    func disentangled(
        _ attention: DisentangledAttention, _ positions: RelativePositions, _ x: Matrix, _ maps: LayerMaps,
        _ batch: PackedBatch, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (context: Matrix, pullback: ContextPullback) {
        // 1.
        let input = LinearInput(x, for: maps[.query])
        let (query, queryPullback) = maps.project(.query, input, adapters, plan, pass)
        let (key, keyPullback) = maps.project(.key, input, adapters, plan, pass)
        let (value, valuePullback) = maps.project(.value, input, adapters, plan, pass)
        // 2.
        let asKey = positions.key.map { positions.project($0, maps, batch, adapters, plan, pass) }
        let asQuery = positions.query.map { positions.project($0, maps, batch, adapters, plan, pass) }
        // 3.
        let inputs = AttentionInputs.Wanted(
            query: plan.reaches(.query), key: plan.reaches(.key), value: plan.reaches(.value))
        let (context, attentionPullback) = attention.forward(
            AttentionInputs(query: query, key: key, value: value),
            DisentangledAttention.Tables(positionKey: asKey?.table, positionQuery: asQuery?.table), batch,
            wanted: DisentangledAttention.Wanted(
                inputs: inputs, positionKey: asKey?.pullback != nil, positionQuery: asQuery?.pullback != nil), pass)
        return (
            context,
            { dContext, gradients, dx in
                // 3.
                guard let (d, dTables) = attentionPullback?(dContext) else { return }
                // 2.
                if let dTable = dTables.positionQuery { asQuery?.pullback?(dTable, &gradients) }
                if let dTable = dTables.positionKey { asKey?.pullback?(dTable, &gradients) }
                // 1.
                if inputs.query { queryPullback(d.query, &gradients, &dx) }
                if inputs.key { keyPullback(d.key, &gradients, &dx) }
                if inputs.value { valuePullback(d.value, &gradients, &dx) }
            }
        )
    }
}
