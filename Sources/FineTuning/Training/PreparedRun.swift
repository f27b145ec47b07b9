import Adapters
import Encoders
import Matrices
import Tokenizers

/// A run with its texts read, its heads and adapters made, and its trainer at the first step.
struct PreparedRun {
    let trainer: Trainer
    let identity: TrainingIdentity
    /// Label names of each task with the number of its training texts of each.
    let labelCounts: [[(label: String, count: Int)]]
    /// The loss of each task in words.
    var losses: [String] { tasks.map(\.head.lossDescription) }
    private let encoder: TransformerEncoder
    private let run: TrainingRun
    private let tasks: [TrainingTask]
    private let adapters: [TrainingRun.Adapter?]
    private let routes: [TrainingRoute]
    private let limits: [Int]
    private let baseModel: String?
    private let taskModels: TaskModelHeads

    /// - Throws: what training throws before its first step.
    init(_ run: TrainingRun, for model: AdaptedModel, baseModel: String?) throws {
        (encoder, self.run, self.baseModel) = (model.encoder, run, baseModel)
        taskModels = model.taskModels
        try PreparedRun.check(run)
        let options = run.stages[0].options
        let used = Set(run.tasks.map(\.adapter))
        adapters = run.adapters.filter { used.contains($0.name) } + (used.contains(nil) ? [nil] : [])
        var (tasks, limits, heads, counts) = (
            [TrainingTask](), [Int](), [ParameterVector](), [[(label: String, count: Int)]]()
        )
        for task in run.tasks {
            let (head, values, isFrozen, ownLimit) = try task.head(in: model, seed: options.seed)
            let route = adapters.firstIndex { $0?.name == task.adapter } ?? 0
            // What stands before each text takes of the encoder's positions.
            let positions = encoder.config.maximumPositions - (adapters[route]?.virtualTokens ?? 0)
            let limit = min(ownLimit ?? options.maximumTokens, positions)
            var prepared = TrainingTask(
                task.name, head: head, isHeadFrozen: isFrozen, route: route,
                training: try task.training.map { try model.texts(of: $0, head, limit: limit) },
                evaluation: try task.evaluation.map { try model.texts(of: $0, head, limit: limit) })
            (prepared.weight, prepared.maximumDrop) = (task.weight, task.maximumDrop)
            prepared.source = task.training?.source
            tasks.append(prepared)
            limits.append(limit)
            heads.append(values)
            let labels = task.training?.labelCounts ?? [:]
            counts.append(head.labels.map { (label: $0, count: labels[$0] ?? 0) })
        }
        var starts: [ParameterVector] = []
        var routes: [TrainingRoute] = []
        for (route, adapter) in adapters.enumerated() {
            let texts = TextSample(tasks.filter { $0.route == route }, seed: options.seed)
            let (set, values) =
                try adapter?.adapters(for: model, seed: options.seed, reading: texts) ?? (.none, ParameterVector([]))
            starts.append(values)
            var stages: [AdapterSet] = []
            for stage in run.stages {
                stages.append(try stage.trains.unfreezing.deltas(for: encoder, over: stages.last ?? set))
            }
            routes.append(TrainingRoute(adapter?.name ?? "none", stages: stages))
        }
        self.routes = routes
        (self.tasks, self.limits, labelCounts) = (tasks, limits, counts)
        var trainer = Trainer(encoder, routes, tasks, mixing: run.mixing, run.stages)
        for (index, task) in tasks.enumerated() {
            trainer.start(task: index, from: starts[task.route])
            trainer.start(task: index, from: heads[index])
        }
        try trainer.checkSchedules()
        self.trainer = trainer
        for (place, stage) in run.stages.enumerated() where trainer.model(of: place).trainedCounts.isEmpty {
            throw TrainingError.nothingTrains(stage: stage.name)
        }
        for stage in run.stages {
            guard let metric = stage.options.metric else { continue }
            let scored = tasks.filter { $0.training != nil && $0.evaluation != nil }
            let names = scored.flatMap { Scores.names(for: $0.head.objective) }
            guard names.contains(metric) else { throw TrainingError.noSuchMetric(metric, metrics: names) }
        }
        // What starts at random is a function of the settings.
        let given =
            zip(run.tasks, heads).filter { $0.0.head.startsFromFile }.map(\.1)
            + zip(adapters, starts).filter { $0.0?.startsFromFile ?? false }.map(\.1)
        identity = TrainingIdentity(run, encoder, tasks, starts: given)
    }

    /// What can be said before anything is read.
    private static func check(_ run: TrainingRun) throws(TrainingError) {
        let names = run.tasks.map(\.name)
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) { throw .twice(task: twice) }
        guard run.tasks.contains(where: { $0.training != nil }) else { throw .noTrainingData }
        for task in run.tasks {
            if let name = task.adapter, !run.adapters.contains(where: { $0.name == name }) {
                throw .noSuchAdapter(name, task: task.name, adapters: run.adapters.map(\.name))
            }
            if case .new = task.head {
                let isTrained = task.training != nil && run.stages.contains { $0.trains.heads }
                guard isTrained else { throw .untrainedHead(task: task.name) }
            }
        }
    }

    /// The tasks with these values of the run, as they are in a stage, from 0.
    func tasks(_ values: ParameterVector, in stage: Int) -> [(name: String, task: TaskAdapter)] {
        tasks.indices.map { index in
            let route = tasks[index].route
            let adapters = routes[route].adapters(in: stage)
            let own = values.viewed(as: trainer.parameters.tasks[index])
            func bundle(_ recipe: AdapterRecipe?) -> AdapterBundle {
                AdapterBundle(recipe, trained: own, adapters, on: encoder, baseModel: baseModel)
            }
            let bundle: AdapterBundle? =
                switch self.adapters[route]?.start {
                case .new(let recipe): bundle(recipe)
                case .saved(let saved): saved.holding(adapters, own)
                case nil: adapters.isEmpty ? nil : bundle(nil)
                }
            let head = HeadFiles(tasks[index].head, own, maximumTokens: limits[index], on: encoder)
            let task = TaskAdapter(bundle: bundle, head: head)
            guard run.tasks[index].hasHeadOfTaskModel(in: run), let saved = taskModels.saved(head) else {
                return (tasks[index].name, task)
            }
            return (tasks[index].name, task.asTaskModel(saved, on: encoder, baseModel: baseModel))
        }
    }
}

extension PreparedRun {
    /// Where each adapter of the run goes.
    func adapterPlans() throws(AdapterError) -> [AdapterPlan] {
        var plans: [AdapterPlan] = []
        for (adapter, route) in zip(adapters, routes) {
            guard let adapter else { continue }
            let set = route.adapters(in: 0)
            switch adapter.start {
            case .new(let recipe):
                plans.append(
                    AdapterPlan(
                        adapter.name, summary: recipe.summary(of: set, on: encoder.config), set,
                        on: encoder.config, matches: try recipe.places(on: encoder.config).matches))
            case .saved(let bundle):
                plans.append(
                    AdapterPlan(
                        adapter.name, summary: bundle.configuration.method.summary, set, on: encoder.config,
                        matches: try bundle.configuration.matches(on: encoder)))
            }
        }
        return plans
    }
}

extension TrainingRun.Adapter {
    /// The adapters on the encoder, and the values that they start from.
    fileprivate func adapters(
        for model: AdaptedModel, seed: UInt64, reading texts: TextSample
    ) throws -> (AdapterSet, ParameterVector) {
        switch start {
        case .new(let recipe):
            let spelled = try recipe.spelled { text throws(TokenizerError) in
                try model.tokenizer.tokenize(text, pairedWith: nil, truncation: nil).ids
            }
            let fresh = try spelled.fresh(for: model.encoder, seed: seed, reading: texts)
            return (fresh.adapters, fresh.parameters)
        case .saved(let bundle): return (bundle.adapters, bundle.parameters)
        }
    }
}

extension TrainingRun.Adapter {
    /// How many positions it takes before a text.
    fileprivate var virtualTokens: Int {
        switch start {
        case .new(let recipe): recipe.virtualTokens
        case .saved(let bundle): bundle.adapters.virtualTokens
        }
    }
}

extension TrainingRun.Adapter {
    /// Whether it has values that were trained before.
    fileprivate var startsFromFile: Bool { if case .saved = start { true } else { false } }
}

extension TrainingRun.TaskHead {
    /// Whether it may have values that were trained before.
    fileprivate var startsFromFile: Bool {
        switch self {
        case .saved: true
        case .new(let recipe): recipe.choice == .checkpoint || recipe.choice == .transformers
        }
    }
}

extension TrainingRun.Task {
    /// Whether its head was asked for as that of transformers' task model, now or when it was trained before.
    fileprivate func hasHeadOfTaskModel(in run: TrainingRun) -> Bool {
        switch head {
        case .new(let recipe): return recipe.choice == .transformers || recipe.choice == .checkpoint
        case .saved:
            guard case .saved(let bundle) = run.adapters.first(where: { $0.name == adapter })?.start else {
                return false
            }
            return bundle.taskHead != nil
        }
    }

    /// The head, the values that it starts from, whether it is frozen, and the tokens that its texts were cut to before.
    fileprivate func head(
        in model: AdaptedModel, seed: UInt64
    ) throws -> (head: any Head, values: ParameterVector, isFrozen: Bool, limit: Int?) {
        switch head {
        case .new(let recipe):
            guard let training else { throw TrainingError.untrainedHead(task: name) }
            let (head, start) = try model.head(
                recipe, for: objective ?? training.guessedObjective ?? .classification, learnedFrom: training)
            var values = ParameterVector(head.parameters)
            head.initialize(&values, seed: seed)
            for (parameter, value) in start { values[parameter] = value }
            return (head, values, false, nil)
        case .saved(let files, let isFrozen):
            let (head, values) = files.head
            if let objective, objective != head.objective {
                throw TrainingError.otherHead(found: head.objective, expected: objective)
            }
            return (head, values, isFrozen, files.maximumTokens)
        }
    }
}
