import Adapters
import Encoders
import Matrices
import Tokenizers

/// What one stage of a run computes with: the encoder, what of each route changes it, and what of that trains now.
struct StageModel: Sendable {
    let encoder: TransformerEncoder
    let tasks: [TrainingTask]
    let parameters: RunParameters
    /// Whether each parameter of the run trains in this stage.
    let isTrained: [Bool]
    let routes: [Route]

    /// A route as the stage sees it.
    struct Route: Sendable {
        /// All that changes the encoder.
        let adapters: AdapterSet
        /// What of it trains in this stage.
        let trained: Set<Parameter>
        /// The layers below that in which nothing trains; all of them where heads alone do.
        let frozenLayers: Int
        /// Whether something of the route trains, or its heads alone.
        var isTrained: Bool { !trained.isEmpty }
        /// The tasks that it leads to.
        let members: [Int]
    }

    init(
        _ encoder: TransformerEncoder, _ routes: [TrainingRoute], _ tasks: [TrainingTask],
        _ parameters: RunParameters, _ stages: [TrainingStage], stage place: Int
    ) {
        let stage = stages[place]
        (self.encoder, self.tasks, self.parameters) = (encoder, tasks, parameters)
        let isTrained = parameters.places.indices.map { index in
            let isFrozenHead = parameters.owners[index].map { tasks[$0].isHeadFrozen } ?? false
            return !isFrozenHead && stage.trains.includes(parameters.places[index])
        }
        self.isTrained = isTrained
        self.routes = routes.enumerated().map { index, route in
            let handles = parameters.routes[index].parameters
            let trained = Set(zip(handles, isTrained[parameters.firstOfRoutes[index]...]).filter(\.1).map(\.0))
            let adapters = route.adapters(in: place)
            let frozenLayers =
                switch encoder.lowestPart(changedBy: adapters, training: trained) {
                case .embeddings: 0
                case .layer(let layer): layer
                case nil: encoder.config.layers
                }
            return Route(
                adapters: adapters, trained: trained, frozenLayers: frozenLayers,
                members: tasks.indices.filter { tasks[$0].route == index })
        }
    }

    /// The numbers that train, by the part of the model.
    var trainedCounts: [ParameterPlace.Part: Int] {
        var counts: [ParameterPlace.Part: Int] = [:]
        for index in parameters.places.indices where isTrained[index] {
            counts[parameters.places[index].part, default: 0] += parameters.whole.parameters[index].count
        }
        return counts
    }

    /// The peak learning rate of each part that trains, as it is in its topmost layer.
    func rates(_ options: TrainingOptions) -> [ParameterPlace.Part: Float] {
        Dictionary(uniqueKeysWithValues: trainedCounts.keys.map { ($0, options.learningRates[$0]) })
    }

    /// The peak learning rate of each parameter of the run; nil for those that do not train in this stage.
    func parameterRates(_ options: TrainingOptions) -> [Float?] {
        zip(parameters.places, isTrained).map { place, isTrained in
            isTrained
                ? options.learningRates.rate(of: place, layers: encoder.config.distinctLayers) : nil
        }
    }

    /// Makes the gradient of what does not train in this stage zero.
    func clear(_ gradients: inout Gradients) {
        guard isTrained.contains(false) else { return }
        let (parameters, isTrained) = (parameters.whole, isTrained)
        gradients.withMutableValues { values in
            for (parameter, isTrained) in zip(parameters.parameters, isTrained) where !isTrained {
                values[parameters.range(of: parameter)].update(repeating: 0)
            }
        }
    }

    // MARK: Features

    /// What the frozen layers of a route give of its texts: the states that enter the lowest layer that trains, or, where
    /// heads alone train, the rows that each task's output layers see.
    func features(_ place: Int, _ texts: RouteTexts, _ values: ParameterVector) -> FrozenFeatures {
        let (route, hiddenSize) = (routes[place], encoder.config.hiddenSize)
        let pass = Pass(parameters: values.viewed(as: parameters.routes[place]))
        let states = { @Sendable [encoder] (indices: [Int]) in
            let batch = Batching.pack(indices, texts.texts)
            return (batch, encoder.states(entering: route.frozenLayers, batch, adapters: route.adapters, pass))
        }
        guard !route.isTrained else {
            let kind = FrozenFeatures.Kind(rowCounts: texts.lengths, columns: hiddenSize)
            return FrozenFeatures(lengths: texts.lengths, [kind]) { [states($0).1] }
        }
        let members = route.members.map { task in
            (head: tasks[task].head, isThere: Set(texts.places[task]))
        }
        let kinds = members.map { member in
            FrozenFeatures.Kind(
                rowCounts: texts.lengths.enumerated().map {
                    member.isThere.contains($0.offset) ? member.head.rows(ofTokens: $0.element) : 0
                }, columns: member.head.network.inputs)
        }
        return FrozenFeatures(lengths: texts.lengths, kinds) { indices in
            let (batch, hidden) = states(indices)
            return members.map { member in
                let rows = BatchRows(of: indices.indices.filter { member.isThere.contains(indices[$0]) }, in: batch)
                return member.head.pool(rows.gather(hidden), rows.batch).pooled
            }
        }
    }

    // MARK: Forward

    /// Some texts of one route, computed together, and the tasks that read them.
    struct Part: Sendable {
        let route: Int
        /// The texts, by their places among those of the route.
        let texts: [Int]
        let readers: [Reader]
    }

    /// A task that reads some texts of a part.
    struct Reader: Sendable {
        let task: Int
        /// Which of the part's texts.
        let positions: [Int]
        /// Their places among the texts of the task.
        let texts: [Int]
    }

    /// The outputs of each of a part's readers, their batches, and the way back to the gradients of all that trains.
    struct Forward {
        let outputs: [Matrix]
        let batches: [PackedBatch]
        let pullback: @Sendable (_ dOutputs: [Matrix], _ gradients: inout Gradients) -> Void
    }

    /// The passes of a step, or of an evaluation: the parts' are copies of these, with a dropout of their own.
    struct Passes: Sendable {
        /// Of each route through the encoder.
        var routes: [Pass]
        /// Of each task's head.
        var heads: [Pass]

        /// The same with another dropout.
        func dropping(_ dropout: DropoutKey) -> Passes {
            var passes = self
            for index in routes.indices { passes.routes[index].dropout = dropout }
            for index in heads.indices { passes.heads[index].dropout = dropout }
            return passes
        }
    }

    /// Passes with these values of the whole run; `demand` is for what trains in this stage.
    func passes(
        _ values: ParameterVector, demand: GradientDemand = .nothing, dropsInsideEncoder: Bool = true
    ) -> Passes {
        Passes(
            routes: routes.indices.map { route in
                Pass(
                    parameters: values.viewed(as: parameters.routes[route]), dropsInsideEncoder: dropsInsideEncoder,
                    demand: routes[route].isTrained ? demand : .nothing, trained: routes[route].trained)
            },
            heads: tasks.indices.map { task in
                let reachesEncoder = routes[tasks[task].route].isTrained && demand > .nothing
                return Pass(
                    parameters: values.viewed(as: parameters.heads[task]), dropsInsideEncoder: dropsInsideEncoder,
                    demand: reachesEncoder ? .parametersAndInput : demand)
            })
    }

    /// The outputs of a part, from its features where there are any.
    func forward(_ part: Part, _ texts: RouteTexts, _ features: FrozenFeatures?, _ passes: Passes) -> Forward {
        let route = routes[part.route]
        let batch = Batching.pack(part.texts, texts.texts)
        let rows = part.readers.map { BatchRows(of: $0.positions, in: batch) }
        if let features, !route.isTrained {
            return forward(
                part,
                pooled: zip(part.readers, rows).map { reader, _ in
                    let kind = route.members.firstIndex(of: reader.task) ?? 0
                    return features.features(kind, of: reader.positions.map { part.texts[$0] })
                }, rows, passes)
        }
        let encoderPass = passes.routes[part.route]
        let (hidden, encoderPullback) =
            features.map {
                encoder.forward(
                    $0.features(0, of: part.texts), entering: route.frozenLayers, batch, adapters: route.adapters,
                    encoderPass)
            } ?? encoder.forward(batch, adapters: route.adapters, encoderPass)

        let mark = Profile.enter(.head)
        defer { mark.leave() }
        let heads = zip(part.readers, rows).map { reader, rows in
            head(of: reader.task, rows.gather(hidden), rows.batch, passes.heads[reader.task])
        }
        let layout = parameters.routes[part.route]
        return Forward(outputs: heads.map(\.outputs), batches: rows.map(\.batch)) { dOutputs, gradients in
            let mark = Profile.enter(.head)
            var dHidden = Matrix.empty
            for (index, (head, dOutputs)) in zip(heads, dOutputs).enumerated() {
                let share = head.pullback(dOutputs, &gradients)
                guard route.isTrained else { continue }
                rows[index].add(share, to: &dHidden)
            }
            mark.leave()
            guard route.isTrained else { return }
            gradients.show(as: layout)
            _ = encoderPullback(dHidden, &gradients)
        }
    }

    /// The outputs of each reader's layers from what they see.
    private func forward(_ part: Part, pooled: [Matrix], _ rows: [BatchRows], _ passes: Passes) -> Forward {
        let heads = zip(part.readers, pooled).map { reader, pooled in
            tasks[reader.task].head.network.forward(pooled, passes.heads[reader.task])
        }
        return Forward(outputs: heads.map(\.y), batches: rows.map(\.batch)) { dOutputs, gradients in
            for (reader, (head, dOutputs)) in zip(part.readers, zip(heads, dOutputs)) {
                gradients.show(as: parameters.heads[reader.task])
                _ = head.pullback(dOutputs, &gradients)
            }
        }
    }

    /// A task's outputs of its texts' hidden states, and the way back to them.
    private func head(
        of task: Int, _ hidden: Matrix, _ batch: PackedBatch, _ pass: Pass
    ) -> (outputs: Matrix, pullback: Pullback) {
        let head = tasks[task].head
        let (pooled, poolingPullback) = head.pool(hidden, batch)
        let (outputs, pullback) = head.network.forward(pooled, pass)
        return (
            outputs,
            { [layout = parameters.heads[task]] dOutputs, gradients in
                gradients.show(as: layout)
                let dPooled = pullback(dOutputs, &gradients)
                return pass.demand == .parametersAndInput ? poolingPullback(dPooled) : .empty
            }
        )
    }

    // MARK: Evaluation

    /// A task by itself.
    func model(of task: Int) -> TaskModel {
        TaskModel(encoder: encoder, adapters: routes[tasks[task].route].adapters, head: tasks[task].head)
    }

    /// The outputs of a task for each of its texts, in their order, from features where these are kept.
    func outputs(
        _ task: Int, on data: TrainingTexts, _ texts: RouteTexts, _ features: FrozenFeatures?,
        _ values: ParameterVector
    ) -> [Matrix] {
        let model = model(of: task)
        guard let features else { return model.outputs(data.texts, values.viewed(as: parameters.tasks[task])) }
        let places = texts.places[task]
        let cost = routes[tasks[task].route].isTrained ? data.lengths : data.lengths.map(model.head.rows(ofTokens:))
        let passes = passes(values)
        return model.outputs(tokens: data.lengths, cost: cost) { indices in
            let reader = Reader(task: task, positions: Array(indices.indices), texts: indices)
            let part = Part(route: tasks[task].route, texts: indices.map { places[$0] }, readers: [reader])
            return forward(part, texts, features, passes).outputs[0]
        }
    }
}
