import Encoders
import Matrices

/// One step of a run: from texts of each task to the gradient of their loss.
struct TrainingStep: Sendable {
    let model: StageModel
    let tasks: [TrainingTask]
    /// The texts of each route, and what is kept of them.
    let texts: [RouteTexts]
    let features: [FrozenFeatures?]
    /// The texts of each task, in the order of its examples.
    let examples: [[Int]]
    /// What the loss of each task is divided by: a sum over the texts of all batches of the step.
    let terms: [Double]
    /// What the mean loss of each task counts.
    let shares: [Float]
    let values: ParameterVector
    let options: TrainingOptions
    /// Steps before it.
    let number: Int
    /// Parts of the batches of the step before this one.
    let firstPart: Int

    /// The loss of a task in the step.
    struct TaskLoss: Sendable {
        let task: Int
        /// The mean over its terms.
        private(set) var mean: Double
        /// Its share of the step's loss.
        private(set) var weighted: Double

        /// Adds the loss of another batch of the step.
        mutating func add(_ other: TaskLoss) {
            mean += other.mean
            weighted += other.weighted
        }
    }

    /// What a batch came to.
    struct Outcome: Sendable {
        /// The loss of each task that has texts in it.
        let losses: [TaskLoss]
        /// How many parts it was cut into.
        let parts: Int
        /// Texts whose losses are no finite numbers, with their tasks.
        let notFinite: [(task: Int, texts: [Int])]
    }

    /// Numbers of a gradient from which on there are no more than four of them in memory.
    private static let largeGradient = 1_000_000

    /// The losses of the tasks that have texts in the step; their gradient is left in the first of `gradients`, which are
    /// the lanes' and made where there are too few.
    func run(_ gradients: inout [Gradients]) -> Outcome {
        let parts = model.routes.indices.flatMap(parts(of:))
        // Each lane sums up the gradients of its parts, one after the other, whichever thread it runs on.
        let isLarge = values.layout.count > TrainingStep.largeGradient
        let lanes = isLarge ? min(4, parts.count) : parts.count
        while gradients.count < lanes { gradients.append(values.zeroed()) }
        let passes = model.passes(values, demand: .parameters, dropsInsideEncoder: options.dropsInsideEncoder)
        var sums = [Double](repeating: 0, count: tasks.count)
        let whole = tasks.indices.filter { tasks[$0].head.lossSeesWholeStep && !examples[$0].isEmpty }
        let losses =
            whole.isEmpty
            ? gradients.withUnsafeMutableBufferPointer { gradients in
                TrainingStep.inLanes(lanes, of: parts.count) { lane, part in
                    let forward = forward(parts[part], part, passes)
                    let losses = partLosses(parts[part], forward)
                    if part == lane { gradients[lane].setZero() }
                    forward.pullback(losses.map(\.dOutputs), &gradients[lane])
                    return losses.map(\.loss)
                }
            }
            : runSeeingWholeSteps(parts, lanes, whole, passes, &gradients)
        for (part, losses) in zip(parts, losses) {
            for (reader, loss) in zip(part.readers, losses) { sums[reader.task] += loss }
        }
        // Summed in the order of the lanes, whichever thread was done first.
        for lane in gradients.indices.prefix(lanes) { gradients[lane].show(as: values.layout) }
        for lane in 1..<max(1, lanes) { gradients[0].add(gradients[lane]) }
        if firstPart == 0 { addRegularization(to: &gradients[0]) }
        let notFinite = zip(parts, losses).flatMap { part, losses in
            zip(part.readers, losses).filter { !$1.isFinite }.map { reader, _ in
                (task: reader.task, texts: whole.contains(reader.task) ? examples[reader.task] : reader.texts)
            }
        }
        return Outcome(
            losses: tasks.indices.filter { !examples[$0].isEmpty }.map {
                TaskLoss(task: $0, mean: sums[$0], weighted: sums[$0] * Double(shares[$0]))
            }, parts: parts.count, notFinite: notFinite)
    }

    /// What adapters add to the loss of a step, once.
    private func addRegularization(to gradients: inout Gradients) {
        for (place, route) in model.routes.enumerated() where route.adapters.isRegularized {
            let layout = model.parameters.routes[place]
            gradients.show(as: layout)
            route.adapters.addRegularization(values.viewed(as: layout), route.trained, to: &gradients)
        }
        gradients.show(as: values.layout)
    }

    // MARK: Parts

    /// The parts of a route's texts: of all its tasks together where they go through the encoder, of each by itself where
    /// only its head is computed.
    private func parts(of route: Int) -> [StageModel.Part] {
        let places = texts[route].places
        let members = model.routes[route].members.filter { !examples[$0].isEmpty }
        let groups =
            features[route] != nil && !model.routes[route].isTrained ? members.map { [$0] } : [members]
        return groups.flatMap { members -> [StageModel.Part] in
            // Where each task's texts are; a task may have the same text twice.
            let readers = members.map { task in
                Dictionary(grouping: examples[task].sorted()) { places[task][$0] }
            }
            let all = Set(readers.flatMap(\.keys)).sorted()
            return Batching.parts(all, lengths: texts[route].lengths).map { part in
                StageModel.Part(
                    route: route, texts: part,
                    readers: zip(members, readers).compactMap { task, texts in
                        let own = part.enumerated().flatMap { position, place in
                            (texts[place] ?? []).map { (position: position, text: $0) }
                        }
                        return own.isEmpty
                            ? nil : .init(task: task, positions: own.map(\.position), texts: own.map(\.text))
                    })
            }
        }
    }

    private func forward(_ part: StageModel.Part, _ index: Int, _ passes: StageModel.Passes) -> StageModel.Forward {
        model.forward(
            part, texts[part.route], features[part.route],
            passes.dropping(DropoutKey(seed: options.seed, step: number, part: firstPart + index)))
    }

    /// The loss of each reader of a part, and its gradient with the task's share.
    private func partLosses(
        _ part: StageModel.Part, _ forward: StageModel.Forward,
        except whole: [Int] = []
    ) -> [(loss: Double, dOutputs: Matrix)] {
        let mark = Profile.enter(.head)
        defer { mark.leave() }
        return part.readers.indices.map { index in
            let reader = part.readers[index]
            guard !whole.contains(reader.task), let data = tasks[reader.task].training else { return (0, .empty) }
            var (loss, dOutputs) = tasks[reader.task].head.loss(
                forward.outputs[index], reader.texts.map { data.targets[$0] }, forward.batches[index],
                terms: terms[reader.task])
            TrainingStep.scale(&dOutputs, by: shares[reader.task])
            return (loss, dOutputs)
        }
    }

    private static func scale(_ gradient: inout Matrix, by share: Float) {
        guard share != 1 else { return }
        gradient.withMutableBuffer { for index in $0.indices { $0[index] *= share } }
    }

    /// The results of `body` for each part, in order: parts of a lane one after the other, lanes side by side.
    private static func inLanes<Result>(_ lanes: Int, of parts: Int, _ body: (_ lane: Int, _ part: Int) -> Result)
        -> [Result]
    {
        let results = Batching.map(lanes) { lane in
            stride(from: lane, to: parts, by: lanes).map { body(lane, $0) }
        }
        return (0..<parts).map { results[$0 % lanes][$0 / lanes] }
    }

    // MARK: Losses of whole steps

    /// All parts forward; then the losses of tasks that see whole steps, of the outputs of all their texts; then all parts back.
    private func runSeeingWholeSteps(
        _ parts: [StageModel.Part], _ lanes: Int, _ whole: [Int],
        _ passes: StageModel.Passes, _ gradients: inout [Gradients]
    ) -> [[Double]] {
        let forwards = Batching.map(parts.count) { forward(parts[$0], $0, passes) }
        var gathered: [Int: (loss: Double, dOutputs: [Int: Matrix])] = [:]
        for task in whole { gathered[task] = wholeLoss(of: task, parts, forwards, terms[task]) }
        var losses = gradients.withUnsafeMutableBufferPointer { gradients in
            TrainingStep.inLanes(lanes, of: parts.count) { lane, part in
                var losses = partLosses(parts[part], forwards[part], except: whole)
                for (index, reader) in parts[part].readers.enumerated() {
                    if let dOutputs = gathered[reader.task]?.dOutputs[part] { losses[index].dOutputs = dOutputs }
                }
                if part == lane { gradients[lane].setZero() }
                forwards[part].pullback(losses.map(\.dOutputs), &gradients[lane])
                return losses.map(\.loss)
            }
        }
        // A loss of the whole step is told once, with the first part that has some of its texts.
        for task in whole {
            let places = parts.indices.compactMap { part in
                parts[part].readers.firstIndex { $0.task == task }.map { (part, $0) }
            }
            if let (part, reader) = places.first { losses[part][reader] = gathered[task]?.loss ?? 0 }
        }
        return losses
    }

    /// The loss of a task over all its texts of the step, and its gradient for each part.
    private func wholeLoss(
        of task: Int, _ parts: [StageModel.Part], _ forwards: [StageModel.Forward], _ terms: Double
    ) -> (loss: Double, dOutputs: [Int: Matrix]) {
        guard let data = tasks[task].training else { return (0, [:]) }
        let head = tasks[task].head
        // Where the rows of each text are: in which part's outputs, and from which row on.
        var rows: [Int: (part: Int, rows: Range<Int>)] = [:]
        for (index, part) in parts.enumerated() {
            guard let reader = part.readers.firstIndex(where: { $0.task == task }) else { continue }
            let ranges = head.rows(of: forwards[index].batches[reader])
            for (text, range) in zip(part.readers[reader].texts, ranges) { rows[text] = (index, range) }
        }
        func outputs(_ part: Int) -> Matrix {
            let reader = parts[part].readers.firstIndex { $0.task == task } ?? 0
            return forwards[part].outputs[reader]
        }
        let inOrder = examples[task].compactMap { rows[$0] }
        let columns = inOrder.first.map { outputs($0.part).columns } ?? 0
        var all = Matrix(rows: inOrder.reduce(0) { $0 + $1.rows.count }, columns: columns)
        var (start, ranges) = (0, [Range<Int>]())
        for text in inOrder {
            let own = outputs(text.part)
            ranges.append(start..<start + text.rows.count)
            for row in text.rows {
                for column in 0..<columns { all[start, column] = own[row, column] }
                start += 1
            }
        }
        var (loss, dAll) = head.loss(all, rows: ranges, examples[task].map { data.targets[$0] }, terms: terms)
        TrainingStep.scale(&dAll, by: shares[task])
        var dOutputs: [Int: Matrix] = [:]
        for (text, range) in zip(inOrder, ranges) {
            var own = dOutputs[text.part] ?? Matrix(rows: outputs(text.part).rows, columns: columns)
            for (row, source) in zip(text.rows, range) {
                for column in 0..<columns { own[row, column] = dAll[source, column] }
            }
            dOutputs[text.part] = own
        }
        return (loss, dOutputs)
    }
}
