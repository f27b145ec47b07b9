import Matrices

/// One transformer layer of the post-norm kind (BERT):
///
///     1. context = attention(query(x), key(x), value(x))
///     2. h = layerNorm(x + dropout(attentionOutput(context)))
///     3. u = gelu(intermediate(h))
///     4. y = layerNorm(h + dropout(output(u)))
///
/// Each of the six linear maps is frozen, and an adapter may sit on any of them.
struct EncoderLayer: Sendable {
    let index: Int
    var linear: LinearMaps
    let attention: Attention
    let attentionNorm, outputNorm: LayerNorm
    let attentionDropout, outputDropout: Dropout
    let activation: Activation

    /// The frozen linear map of each projection.
    struct LinearMaps: Sendable {
        var query, key, value, attentionOutput, intermediate, output: FrozenLinear

        subscript(projection: Projection) -> FrozenLinear {
            get { self[keyPath: LinearMaps.path(projection)] }
            set { self[keyPath: LinearMaps.path(projection)] = newValue }
        }

        private static func path(_ projection: Projection) -> WritableKeyPath<LinearMaps, FrozenLinear> {
            switch projection {
            case .query: \.query
            case .key: \.key
            case .value: \.value
            case .attentionOutput: \.attentionOutput
            case .intermediate: \.intermediate
            case .output: \.output
            }
        }
    }

    /// y [tokens, hidden] from x [tokens, hidden]; the pullback gives dx.
    func forward(
        _ x: Matrix, _ batch: PackedBatch, _ adapters: AdapterSet, _ pass: Pass
    ) -> (y: Matrix, pullback: Pullback) {
        let plan = BackwardPlan(layer: index, adapters, pass.demand)
        func project(_ projection: Projection, _ x: Matrix) -> (y: Matrix, pullback: Pullback) {
            let pass = pass.demanding(plan.demand(of: projection))
            guard let adapter = adapters.linear[Site(layer: index, projection: projection)] else {
                return linear[projection].forward(x, pass)
            }
            return adapter.forward(x, through: linear[projection], pass)
        }
        let reachesAttention = pass.demanding(plan.reaches(.attentionOutput) ? .parametersAndInput : .nothing)
        let reachesOutput = pass.demanding(plan.reaches(.output) ? .parametersAndInput : .nothing)

        // 1. context = attention(query(x), key(x), value(x))
        let (query, queryPullback) = project(.query, x)
        let (key, keyPullback) = project(.key, x)
        let (value, valuePullback) = project(.value, x)
        let wanted = Attention.Wanted(
            query: plan.reaches(.query), key: plan.reaches(.key), value: plan.reaches(.value))
        let (context, attentionPullback) = attention.forward(query, key, value, batch, wanted: wanted, pass)

        // 2. h = layerNorm(x + dropout(attentionOutput(context)))
        let (projected, attentionOutputPullback) = project(.attentionOutput, context)
        var attended = projected
        let attentionDropoutPullback = attentionDropout.apply(to: &attended, pass)
        attended.add(x)
        let (h, attentionNormPullback) = attentionNorm.forward(attended, reachesAttention)

        // 3. u = gelu(intermediate(h))
        let (preActivation, intermediatePullback) = project(.intermediate, h)
        let (u, activationPullback) = activation.forward(
            preActivation, pass.demanding(plan.reaches(.intermediate) ? .parametersAndInput : .nothing))

        // 4. y = layerNorm(h + dropout(output(u)))
        let (contracted, outputPullback) = project(.output, u)
        var summed = contracted
        let outputDropoutPullback = outputDropout.apply(to: &summed, pass)
        summed.add(h)
        let (y, outputNormPullback) = outputNorm.forward(summed, reachesOutput)

        return (
            y,
            { dy, gradients in
                // 4.
                let dSummed = outputNormPullback(dy, &gradients)
                var dOutput = dSummed
                outputDropoutPullback(&dOutput)
                let dU = outputPullback(dOutput, &gradients)
                guard plan.reaches(.intermediate) else { return .empty }
                // 3.
                let dPreActivation = activationPullback(dU, &gradients)
                var dH = intermediatePullback(dPreActivation, &gradients)
                guard plan.reaches(.attentionOutput) else { return .empty }
                dH.add(dSummed)
                // 2.
                let dAttended = attentionNormPullback(dH, &gradients)
                var dAttentionOutput = dAttended
                attentionDropoutPullback(&dAttentionOutput)
                let dContext = attentionOutputPullback(dAttentionOutput, &gradients)
                guard plan.reachesContext else { return .empty }
                // 1.
                let d = attentionPullback(dContext)
                let dxQuery = wanted.query ? queryPullback(d.query, &gradients) : .empty
                let dxKey = wanted.key ? keyPullback(d.key, &gradients) : .empty
                let dxValue = wanted.value ? valuePullback(d.value, &gradients) : .empty
                guard plan.reachesInput else { return .empty }
                return dAttended + dxQuery + dxKey + dxValue
            }
        )
    }
}

/// How far down the backward of one layer has to go: nothing is computed that nobody reads.
private struct BackwardPlan: Sendable {
    private let adapted: Set<Projection>
    /// Whether the gradient of the layer's input is wanted.
    let reachesInput: Bool

    init(layer: Int, _ adapters: AdapterSet, _ demand: GradientDemand) {
        reachesInput = demand == .parametersAndInput
        let isBackwardRun = demand > .nothing
        adapted = Set(
            Projection.allCases.filter {
                isBackwardRun && adapters.linear[Site(layer: layer, projection: $0)] != nil
            })
    }

    /// Whether anything reads the gradient of attention's result.
    var reachesContext: Bool { reaches(.query) || reaches(.key) || reaches(.value) }

    /// Whether anything reads the gradient of what this projection gives.
    func reaches(_ projection: Projection) -> Bool { adapted.contains(projection) || reachesInput(of: projection) }

    /// What the pullback of this projection will be asked for.
    func demand(of projection: Projection) -> GradientDemand {
        if reachesInput(of: projection) { return .parametersAndInput }
        return adapted.contains(projection) ? .parameters : .nothing
    }

    /// Whether anything reads the gradient of what goes into this projection.
    private func reachesInput(of projection: Projection) -> Bool {
        switch projection {
        case .query, .key, .value: reachesInput
        case .attentionOutput: reachesContext
        case .intermediate: reaches(.attentionOutput)
        case .output: reaches(.intermediate)
        }
    }
}
