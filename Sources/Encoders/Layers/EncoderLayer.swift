import Matrices

/// One transformer layer of the post-norm kind (BERT):
///
///     1. context = attention(query(x), key(x), value(x))
///     2. h = layerNorm(x + dropout(attentionOutput(context)))
///     3. u = gelu(intermediate(h))
///     4. y = layerNorm(h + dropout(output(u)))
///
/// Each of the six linear maps is frozen, and an adapter may sit on any of them. Attention is the only step in which tokens
/// meet: steps 2 to 4 take a block of rows at a time (``RowBlocks``), so that a block's wide intermediate states stay in the
/// second-level cache from one product to the next.
struct EncoderLayer: Sendable {
    let index: Int
    var linear: LinearMaps
    let attention: Attention
    let attentionNorm, outputNorm: ResidualNorm
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
        let input = LinearInput(x, for: linear.query)

        // 1. context = attention(query(x), key(x), value(x))
        let (query, queryPullback) = project(.query, input, adapters, plan, pass)
        let (key, keyPullback) = project(.key, input.read(by: linear.key), adapters, plan, pass)
        let (value, valuePullback) = project(.value, input.read(by: linear.value), adapters, plan, pass)
        let wanted = Attention.Wanted(
            query: plan.reaches(.query), key: plan.reaches(.key), value: plan.reaches(.value))
        let (context, attentionPullback) = attention.forward(query, key, value, batch, wanted: wanted, pass)

        // 2. to 4., block by block
        let blocks = RowBlocks.ranges(of: x.rows)
        var y = Matrix(uninitializedRows: x.rows, columns: x.columns)
        let pullbacks = y.withMutableView { y in
            Parallel.map(blocks.count) { block in
                let rows = blocks[block]
                return forwardRows(
                    x.rows(rows), context.rows(rows), into: y.rows(rows), adapters, plan,
                    pass.startingAt(row: rows.lowerBound))
            }
        }
        guard pass.demand > .nothing else { return (y, { _, _ in .empty }) }

        return (
            y,
            { dy, gradients in
                // 4. to 2.: what is left for attention's result and, along the residual, for x
                var dContext = plan.reachesContext ? Matrix(uninitializedRows: dy.rows, columns: dy.columns) : .empty
                var dx = Matrix(uninitializedRows: dy.rows, columns: dy.columns)
                dContext.withMutableView { dContext in
                    dx.withMutableView { dx in
                        for (rows, pullback) in zip(blocks, pullbacks) {
                            var dContext = plan.reachesContext ? InputGradient(into: dContext.rows(rows)) : .unwanted
                            pullback(dy.rows(rows), &gradients, &dContext, dx.rows(rows))
                        }
                    }
                }
                guard plan.reachesContext else { return .empty }
                // 1.
                let d = attentionPullback(dContext)
                dx.withMutableView { rows in
                    var dx = plan.reachesInput ? InputGradient(addingTo: rows) : .unwanted
                    if wanted.query { queryPullback(d.query, &gradients, &dx) }
                    if wanted.key { keyPullback(d.key, &gradients, &dx) }
                    if wanted.value { valuePullback(d.value, &gradients, &dx) }
                }
                return plan.reachesInput ? dx : .empty
            }
        )
    }

    /// y = x through the frozen map of `projection`, and through its adapter where there is one.
    private func project(
        _ projection: Projection, _ x: LinearInput, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback) {
        let pass = pass.demanding(plan.demand(of: projection))
        guard let adapter = adapters.linear[Site(layer: index, projection: projection)] else {
            return linear[projection].forward(x, pass)
        }
        return adapter.forward(x, through: linear[projection], pass)
    }

    /// Leaves dContext, and writes the gradient of x along the residual to `dx`.
    private typealias RowsPullback =
        @Sendable (
            _ dy: Matrix, _ gradients: inout Gradients, _ dContext: inout InputGradient, _ dx: MatrixView
        ) -> Void

    /// Steps 2 to 4 for some rows of x and of attention's result.
    private func forwardRows(
        _ x: Matrix, _ context: Matrix, into y: MatrixView, _ adapters: AdapterSet, _ plan: BackwardPlan, _ pass: Pass
    ) -> RowsPullback {
        func project(_ projection: Projection, _ x: Matrix) -> (y: Matrix, pullback: LinearPullback) {
            self.project(projection, LinearInput(x, for: linear[projection]), adapters, plan, pass)
        }
        func passWanting(_ projection: Projection) -> Pass {
            pass.demanding(plan.reaches(projection) ? .parametersAndInput : .nothing)
        }

        // 2. h = layerNorm(x + dropout(attentionOutput(context)))
        let (projected, attentionOutputPullback) = project(.attentionOutput, context)
        var attended = consume projected
        var h = Matrix(uninitializedRows: x.rows, columns: x.columns)
        let attentionNormPullback = h.withMutableView {
            attentionNorm.forward(&attended, residual: x, into: $0, passWanting(.attentionOutput))
        }

        // 3. u = gelu(intermediate(h))
        let (preActivation, intermediatePullback) = project(.intermediate, h)
        let (u, activationPullback) = activation.forward(preActivation, passWanting(.intermediate))

        // 4. y = layerNorm(h + dropout(output(u)))
        let (contracted, outputPullback) = project(.output, u)
        var summed = consume contracted
        let outputNormPullback = outputNorm.forward(&summed, residual: h, into: y, passWanting(.output))

        return { [width = u.columns] dy, gradients, dContext, dx in
            // 4.
            guard let outputNormPullback else { return }
            var dH = Matrix(uninitializedRows: dy.rows, columns: dy.columns)
            let dOutput = dH.withMutableView { outputNormPullback(dy, $0) }
            var dU = plan.reaches(.intermediate) ? Matrix(uninitializedRows: dy.rows, columns: width) : .empty
            dU.withMutableView {
                var dU = plan.reaches(.intermediate) ? InputGradient(into: $0) : .unwanted
                outputPullback(dOutput, &gradients, &dU)
            }
            guard plan.reaches(.intermediate) else { return }
            // 3.
            let dPreActivation = activationPullback(dU, &gradients)
            dH.withMutableView {
                var dH = plan.reaches(.attentionOutput) ? InputGradient(addingTo: $0) : .unwanted
                intermediatePullback(dPreActivation, &gradients, &dH)
            }
            guard let attentionNormPullback else { return }
            // 2.
            let dAttentionOutput = attentionNormPullback(dH, dx)
            attentionOutputPullback(dAttentionOutput, &gradients, &dContext)
        }
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
