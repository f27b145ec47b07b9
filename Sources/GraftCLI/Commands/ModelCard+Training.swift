import Foundation
import Graft

extension ModelCard {
    /// The card of one task of a run.
    ///
    /// - Parameters:
    ///   - scores: of the state that the folder holds.
    ///   - kept: which state that is, in words.
    init(
        _ index: Int, of run: TrainingRun, _ outcome: TaskOutcome, scores: Scores?, kept: String, command: String,
        baseModel: String, encoder: TransformerEncoder
    ) {
        let task = run.tasks[index]
        let adapter = run.adapters.first { $0.name == task.adapter }
        let options = run.stages[0].options
        var settings: [(name: String, value: String)] = []
        if run.stages.count == 1 {
            settings += [("epochs", "\(options.epochs), kept \(kept)")] + ModelCard.settings(of: options)
        } else {
            settings.append(("kept", kept))
            for (place, stage) in run.stages.enumerated() {
                let words = ModelCard.settings(of: stage.options).map { "\($0.name) \($0.value)" }.joined(
                    separator: ", ")
                settings.append(
                    (
                        "stage \(place + 1), \(stage.name)",
                        "\(stage.trains.words), \(stage.options.epochs) epochs: \(words)"
                    ))
            }
        }
        settings += [
            ("loss", outcome.loss), ("tokens a text, at most", "\(options.maximumTokens)"), ("seed", "\(options.seed)"),
            ("precision of the frozen weights", encoder.precision.rawValue),
            ("dropout inside the encoder", ModelCard.dropout(options, outcome.task, encoder)),
            ("adapter dropout", adapter?.recipe.map(ModelCard.dropout(of:)) ?? "none"),
            ("trained parameters", HumanUnits.count(outcome.trainedParameters)),
            ("base fingerprint", "`\(encoder.fingerprint)`"),
        ]
        if run.tasks.count > 1 {
            let others = run.tasks.map(\.name).filter { $0 != task.name }.joined(separator: ", ")
            settings.append(("trained with the tasks", others))
        }
        switch task.head {
        case .new(let recipe) where recipe.choice == .checkpoint:
            settings.append(("the head's start", "the base model's own head"))
        case .new: break
        case .saved(_, let isFrozen):
            settings.append(("the head's start", isFrozen ? "a saved head, frozen" : "a saved head"))
        }
        self.init(
            baseModel: baseModel, name: task.name, method: ModelCard.method(adapter, run, encoder),
            objective: outcome.task.head?.objective ?? task.objective ?? .classification,
            head: outcome.task.head?.shape ?? .linear, labelCounts: outcome.labelCounts,
            training: task.training.map { (ModelCard.name($0), $0.count) },
            evaluation: task.evaluation.map { (ModelCard.name($0), $0.count) }, scores: scores, settings: settings,
            command: command)
        if let bundle = outcome.task.bundle {
            methodTags = bundle.methodNames
            parts = bundle.partNames
        }
    }

    /// What a task of a run is, at the run's end or at that of a stage.
    struct TaskOutcome {
        let task: TaskAdapter
        let labelCounts: [(label: String, count: Int)]
        let loss: String
        let trainedParameters: Int
    }

    private static func settings(of options: TrainingOptions) -> [(name: String, value: String)] {
        [
            ("texts a step", "\(options.batchSize)"), ("learning rate", options.learningRate.formatted),
            ("head learning rate", (options.headLearningRate ?? options.learningRate).formatted),
            ("schedule", "\(options.schedule.rawValue), warm-up \(options.warmup)"),
            (
                "weight decay",
                options.weightDecay.formatted + (options.decaysVectors ? ", of vectors too" : "")
            ), ("clip", options.clip.map(\.formatted) ?? "none"),
        ]
    }

    /// "LoRA of rank 8 (alpha 16) on query, value of every layer"
    private static func words(of recipe: AdapterRecipe, on config: EncoderConfig) -> String {
        let recipes = recipe.byMethod
        guard recipes.count < 2 else { return recipes.map { words(of: $0, on: config) }.joined(separator: "; ") }
        let recipe = recipes[0]
        let layers = recipe.layers.map { "layers " + $0.map(String.init).joined(separator: ", ") } ?? "every layer"
        let maps = recipe.projections(for: config).map(\.rawValue).joined(separator: ", ")
        if maps.isEmpty { return recipe.method.summary }
        if recipe.parts.count == 1, let own = recipe.parts[0].layers, recipe.parts[0].settings.names.isEmpty {
            return recipe.method.summary + " on \(maps) of layers " + own.map(String.init).joined(separator: ", ")
        }
        return recipe.method.summary + " on \(maps) of "
            + (recipe.parts.isEmpty ? layers : "\(recipe.parts.count) parts with settings of their own")
    }

    private static func dropout(of recipe: AdapterRecipe) -> String {
        let recipes = recipe.byMethod
        let rates = recipes.map { ($0.method as? LoRAMethod)?.dropoutRate.formatted ?? "none" }
        return recipes.count == 1
            ? rates[0]
            : zip(recipes, rates).map { "\(type(of: $0.method).name): \($1)" }.joined(separator: ", ")
    }

    private static func method(_ adapter: TrainingRun.Adapter?, _ run: TrainingRun, _ encoder: TransformerEncoder)
        -> String
    {
        var words =
            switch adapter?.start {
            case .new(let recipe):
                words(of: recipe, on: encoder.config)
            case .saved: "An adapter that was trained before, and trained on"
            case nil: "No adapter: the head alone"
            }
        let unfrozen = run.stages.reduce(into: TrainingStage.Trains(heads: false, adapters: false)) { all, stage in
            all.layers.formUnion(stage.trains.layers)
            all.embeddings = all.embeddings || stage.trains.embeddings
            all.norms = all.norms || stage.trains.norms
            all.biases = all.biases || stage.trains.biases
        }
        if unfrozen != .init(heads: false, adapters: false) {
            words =
                adapter == nil
                ? "No adapter; trained whole: \(unfrozen.words)" : words + ", and trained whole: \(unfrozen.words),"
        }
        return words
    }

    /// Where the encoder's own dropout applied.
    private static func dropout(_ options: TrainingOptions, _ task: TaskAdapter, _ encoder: TransformerEncoder)
        -> String
    {
        guard options.dropsInsideEncoder else { return "none" }
        guard options.reusesFrozenLayers else { return "as its config says" }
        guard let lowest = encoder.lowestLayer(changedBy: task.adapters) else { return "none: no layer trains" }
        return "as its config says" + (lowest > 0 ? ", from layer \(lowest) on: none below it trains" : "")
    }

    private static func name(_ data: Dataset) -> String { URL(filePath: data.source).lastPathComponent }
}

extension TrainingRun.Adapter {
    /// What it was made by; nil where it was trained before.
    fileprivate var recipe: AdapterRecipe? { if case .new(let recipe) = start { recipe } else { nil } }
}

extension Float {
    /// The shortest decimal, without a fraction where there is none.
    fileprivate var formatted: String { Int(exactly: self).map(String.init) ?? "\(self)" }
}
