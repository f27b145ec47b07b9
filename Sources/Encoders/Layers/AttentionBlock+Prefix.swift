import Matrices

extension AttentionBlock {
    /// The context where keys and values of a prefix stand before those of each text:
    ///
    ///     1. query(x), key(x), value(x)
    ///     2. the prefix's keys and values
    ///     3. each text's rows behind those of the prefix; queries behind rows of zeros
    ///     4. context, of which the rows of the prefix are left out
    ///
    /// So a text of n tokens costs what one of n + prefix costs in attention, and no kernel has to know of prefixes.
    func behind(
        _ prefix: any AttentionPrefix, _ attention: Attention, _ x: Matrix, _ maps: LayerMaps, _ batch: PackedBatch,
        _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (context: Matrix, pullback: ContextPullback) {
        // 1.
        let input = LinearInput(x, for: maps[.query])
        let (query, queryPullback) = maps.project(.query, input, adapters, plan, pass)
        let (key, keyPullback) = maps.project(.key, input, adapters, plan, pass)
        let (value, valuePullback) = maps.project(.value, input, adapters, plan, pass)
        // 2.
        let count = prefix.count
        let (keys, values, prefixPullback) = prefix.forward(pass)
        // 3.
        let inputs = AttentionInputs(
            query: batch.spread(query, behind: nil, count: count), key: batch.spread(key, behind: keys, count: count),
            value: batch.spread(value, behind: values, count: count))
        // 4.
        let wanted = AttentionInputs.Wanted(
            query: plan.reaches(.query), key: plan.reaches(.key) || plan.trainsPrefix,
            value: plan.reaches(.value) || plan.trainsPrefix)
        let (longer, attentionPullback) = attention.forward(
            inputs, batch.behindVirtualTokens(count), wanted: wanted, pass)
        return (
            batch.own(longer, behind: count),
            { dContext, gradients, dx in
                // 4. and 3.
                guard let d = attentionPullback?(batch.spread(dContext, behind: nil, count: count)) else { return }
                // 2.
                if plan.trainsPrefix {
                    prefixPullback(
                        batch.virtualSum(of: d.key, count: count), batch.virtualSum(of: d.value, count: count),
                        &gradients)
                }
                // 1.
                if plan.reaches(.query) { queryPullback(batch.own(d.query, behind: count), &gradients, &dx) }
                if plan.reaches(.key) { keyPullback(batch.own(d.key, behind: count), &gradients, &dx) }
                if plan.reaches(.value) { valuePullback(batch.own(d.value, behind: count), &gradients, &dx) }
            }
        )
    }
}
