import Matrices

/// The step of a layer in which tokens meet, in DeBERTa: context = attention(query(x), key(x), value(x), key(r), query(r)),
/// where r is a table of relative positions that all layers share.
///
/// Where r goes through the projections of x, it goes through their adapters too, as in PEFT, which changes the module.
struct DisentangledBlock: Sendable {
    let attention: DisentangledAttention
    let relative: RelativePositions

    /// The context [tokens, heads · width] of x [tokens, hidden].
    func forward(
        _ x: Matrix, _ maps: LayerMaps, _ batch: PackedBatch, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (context: Matrix, pullback: AttentionBlock.ContextPullback) {
        // 1. query, key, value
        let input = LinearInput(x, for: maps[.query])
        let (query, queryPullback) = maps.project(.query, input, adapters, plan, pass)
        let (key, keyPullback) = maps.project(.key, input, adapters, plan, pass)
        let (value, valuePullback) = maps.project(.value, input, adapters, plan, pass)
        // 2. key and query of relative positions
        let met = attention.distances.rows(within: batch.sequences.map(\.count).max() ?? 1)
        let rows = relative.rows(met, pass)
        let (positionKey, positionKeyPullback) = project(relative.key, .key, rows, met, maps, adapters, plan, pass)
        let (positionQuery, positionQueryPullback) = project(
            relative.query, .query, rows, met, maps, adapters, plan, pass)
        // 3. context
        let wanted = DisentangledAttention.Wanted(
            inputs: AttentionInputs.Wanted(
                query: plan.reaches(.query), key: plan.reaches(.key), value: plan.reaches(.value)),
            positionKey: relative.key.isShared && plan.isAdapted(.key),
            positionQuery: relative.query.isShared && plan.isAdapted(.query))
        let (context, attentionPullback) = attention.forward(
            AttentionInputs(query: query, key: key, value: value),
            DisentangledAttention.Tables(positionKey: positionKey, positionQuery: positionQuery), batch,
            wanted: wanted, pass)
        return (
            context,
            { dContext, gradients, dx in
                // 3.
                guard let (d, dTables) = attentionPullback?(dContext) else { return }
                // 2.
                var unwanted = InputGradient.unwanted
                if let table = dTables.positionQuery { positionQueryPullback(table.rows(met), &gradients, &unwanted) }
                if let table = dTables.positionKey { positionKeyPullback(table.rows(met), &gradients, &unwanted) }
                // 1.
                if wanted.inputs.query { queryPullback(d.query, &gradients, &dx) }
                if wanted.inputs.key { keyPullback(d.key, &gradients, &dx) }
                if wanted.inputs.value { valuePullback(d.value, &gradients, &dx) }
            }
        )
    }

    /// The table of projected relative positions, of which the rows `met` are there; nil where the model has no such term.
    private func project(
        _ term: RelativePositions.Term, _ projection: Projection, _ rows: Matrix, _ met: Range<Int>, _ maps: LayerMaps,
        _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (table: Matrix?, pullback: LinearPullback) {
        let (projected, pullback): (Matrix, LinearPullback)
        switch term {
        case .absent: return (nil, { _, _, _ in })
        case .own(let map): (projected, pullback) = map.forward(LinearInput(rows, for: map), pass.demanding(.nothing))
        case .shared:
            (projected, pullback) = maps.project(
                projection, LinearInput(rows, for: maps[projection]), adapters, plan,
                pass.startingAt(row: RelativePositions.firstRow + met.lowerBound))
        }
        var table = Matrix(uninitializedRows: 2 * attention.distances.span, columns: projected.columns)
        table.withMutableView { table in projected.withView { table.rows(met).copy($0) } }
        return (table, pullback)
    }
}
