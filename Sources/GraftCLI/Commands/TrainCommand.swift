import Foundation
import Graft

/// `graft train`: trains an adapter and a head, and writes the adapter folder.
enum TrainCommand {
    static let command = Command(TrainOptions.command) { values in
        let output = values[TrainOptions.output]
        try TaskAdapter.checkOutput(output)
        let checkpoints = try checkpoints(values, beside: output)
        let training = try dataset(values[TrainOptions.train], values)
        let evaluation = try values[TrainOptions.evaluation].map { try dataset($0, values) }
        let objective = try objective(values, training)
        let progress = ProgressLine(isQuiet: values[SharedOptions.Output.quiet])
        var session = try ModelSession(values)
        let name = output.standardizedFileURL.lastPathComponent
        let request = Request(
            name: name, objective: objective, training: training, evaluation: evaluation,
            head: try headRecipe(values, objective), recipe: recipe(values),
            options: options(values), output: output,
            command: command(values, precision: session.model.encoder.precision), checkpoints: checkpoints)
        try sayWhatBecomesOfTheHead(of: session, request.head.choice)
        if !values[SharedOptions.Output.quiet] { try sayTheLoss(of: request, session) }
        let trained = try run(request, &session, progress)
        if values[SharedOptions.Output.json] {
            print(
                trained.report.json(
                    output: output.relativePath, precision: session.model.encoder.precision,
                    peakMemory: PeakMemory.bytes
                ).line)
        } else {
            print(summary(trained, output).joined(separator: "\n"))
        }
    }

    /// What is to be trained: from a command line, or by the demo.
    struct Request {
        let name: String
        let objective: Objective
        let training: Dataset
        let evaluation: Dataset?
        var head = HeadRecipe.linear
        let recipe: AdapterRecipe?
        let options: TrainingOptions
        let output: URL
        /// What the model card says makes the folder again.
        let command: String
        /// Where the run's state is kept; nil: nowhere.
        var checkpoints: TrainingCheckpoints?
    }

    /// Trains, shows progress, and writes the folder.
    static func run(
        _ request: Request, _ session: inout ModelSession, _ progress: ProgressLine
    ) throws -> TrainedTask {
        let path = request.output.relativePath
        let interruption = Interruption(onFirst: {
            StandardError.print(
                "\nstopping after this step; the best epoch so far goes to \(path) (Ctrl-C again: at once)")
        })
        let trained = try session.model.train(
            request.name, as: request.objective, on: request.training, evaluatingOn: request.evaluation,
            head: request.head, recipe: request.recipe, request.options, baseModel: session.baseName,
            checkpoints: request.checkpoints
        ) { event in
            show(event, progress)
            return interruption.isRequested ? .stop : .more
        }
        progress.clear()
        let card = ModelCard(
            request, trained, baseModel: session.baseName, encoder: session.model.encoder)
        try trained.task.write(to: request.output, card: card.markdown)
        if let checkpoints = request.checkpoints {
            if trained.report.isInterrupted {
                StandardError.print(
                    "the state of step \(trained.report.steps) is in \(checkpoints.file.relativePath); "
                        + "the same command with --resume goes on from there")
            } else {
                try checkpoints.remove()
            }
        }
        if !trained.report.unmoved.isEmpty {
            StandardError.print(
                "warning: training did not move \(trained.report.unmoved.joined(separator: ", ")); "
                    + "is the learning rate above zero, and was there a step?")
        }
        return trained
    }

    /// A head that the model has is dropped, or trained on, but never in silence.
    private static func sayWhatBecomesOfTheHead(of session: ModelSession, _ choice: HeadChoice) throws {
        guard let head = try session.model.checkpointHead() else { return }
        let labels = head.labels.prefix(5).joined(separator: ", ") + (head.labels.count > 5 ? ", …" : "")
        let found =
            "note: the model is a \(head.architecture) with a head for \(head.objective.rawValue)"
            + " (\(head.labels.count) labels: \(labels)), which is "
        StandardError.print(
            found + (choice == .checkpoint ? "trained on" : "left out; --head checkpoint trains it on"))
    }

    /// A loss that depends on the data, or was asked for, is said before it is trained with.
    private static func sayTheLoss(of request: Request, _ session: ModelSession) throws {
        guard request.objective == .similarity || request.head.loss != LossOptions() else { return }
        let (head, _) = try session.model.head(request.head, for: request.objective, learnedFrom: request.training)
        StandardError.print("loss: \(head.lossDescription)")
    }

    private static func show(_ event: TrainingProgress, _ line: ProgressLine) {
        switch event {
        case .step(let step):
            line.update(
                "epoch \(step.epoch)  step \(step.step)/\(step.steps)  loss \(step.loss.fixed(4))  "
                    + "\(HumanUnits.count(Int(step.tokensPerSecond))) tokens/s  "
                    + "\(HumanUnits.duration(step.secondsLeft)) left")
        case .epoch(let epoch):
            let scores = epoch.scores.map { "  " + $0.summary + (epoch.isBest ? "  best so far" : "") }
            line.milestone("epoch \(epoch.epoch)/\(epoch.epochs)  mean loss \(epoch.loss.fixed(4))" + (scores ?? ""))
        case .stage: break
        }
    }

    private static func summary(_ trained: TrainedTask, _ output: URL) -> [String] {
        let report = trained.report
        var lines: [String] = []
        if report.isInterrupted {
            lines.append(
                report.bestEpoch.map { "stopped; kept epoch \($0), the best so far" }
                    ?? "stopped before the end of the first epoch; kept the state of step \(report.steps)")
        } else if let best = report.bestEpoch {
            lines.append("kept epoch \(best) of \(report.epochs.count)")
        }
        lines.append(
            "trained \(HumanUnits.count(report.trainedParameters)) parameters in \(HumanUnits.duration(report.seconds)), "
                + "\(HumanUnits.count(Int(report.tokensPerSecond))) tokens/s, "
                + "peak memory \(HumanUnits.bytes(PeakMemory.bytes))")
        if let scores = report.scores { lines += scores.lines }
        lines.append("wrote \(output.relativePath)")
        return lines
    }

    /// This line as it makes the same folder on any machine: with the precision that "auto" came to on this one.
    private static func command(_ values: OptionValues, precision: Precision) -> String {
        let line = CommandLineText.thisCommand(without: "--resume")
        guard values[SharedOptions.Machine.precision] == nil else { return line }
        return line.replacing(#/ --precision[ =]auto\b/#, with: "") + " --precision \(precision.rawValue)"
    }

    // MARK: What the line says

    private static func dataset(_ url: URL, _ values: OptionValues) throws -> Dataset {
        let data = try Dataset(contentsOf: url, fields: Dataset.Fields(values, readingLabels: true))
        guard url == values[TrainOptions.train], let limit = values[TrainOptions.limit] else { return data }
        return data.shuffled(seed: values[TrainOptions.seed]).prefix(limit)
    }

    /// The checkpoint stands beside the output folder, which is replaced whole when training ends.
    private static func checkpoints(_ values: OptionValues, beside output: URL) throws -> TrainingCheckpoints? {
        let name = output.standardizedFileURL.lastPathComponent + ".checkpoint.safetensors"
        let (interval, isResuming) = (values[TrainOptions.checkpointEvery], values[TrainOptions.resume])
        let checkpoints = TrainingCheckpoints(
            in: output.deletingLastPathComponent().appending(path: name), everySteps: interval, resuming: isResuming)
        let path = checkpoints.file.relativePath
        if isResuming, !checkpoints.exists { throw TrainingCheckpointError.missing(file: path) }
        if !isResuming, checkpoints.exists {
            StandardError.print(
                "warning: \(path) is the checkpoint of a run that did not finish; this run starts anew and "
                    + (interval == nil ? "leaves it" : "replaces it") + " (--resume goes on from it)")
        }
        return interval != nil || isResuming ? checkpoints : nil
    }

    /// What to learn: as the line says, or as the labels look made for.
    private static func objective(_ values: OptionValues, _ data: Dataset) throws -> Objective {
        let objective = values[TrainOptions.objective] ?? data.guessedObjective ?? .classification
        if !values.isGiven(TrainOptions.objective), !values[SharedOptions.Output.quiet] {
            let evidence = data.examples.first?.label == nil ? "texts without labels" : "labels"
            StandardError.print("objective: \(objective.rawValue), guessed from the \(evidence) of \(data.source)")
        }
        return objective
    }

    /// What head the line asks for.
    private static func headRecipe(_ values: OptionValues, _ objective: Objective) throws -> HeadRecipe {
        var loss = LossOptions()
        loss.kind = values[TrainOptions.Loss.kind]
        loss.classWeights = values[TrainOptions.Loss.classWeights]
        loss.labelSmoothing = values[TrainOptions.Loss.labelSmoothing]
        loss.focalGamma = values[TrainOptions.Loss.focalGamma]
        loss.rankingScale = values[TrainOptions.Loss.rankingScale]
        loss.tripletMargin = values[TrainOptions.Loss.tripletMargin]
        loss.tripletDistance = values[TrainOptions.Loss.tripletDistance]
        if values.isGiven(TrainOptions.threshold), objective != .multilabel {
            throw CommandLineError.conflict(
                "--threshold is for several labels (--objective multilabel), the objective is \(objective.rawValue)")
        }
        return HeadRecipe(values[TrainOptions.head], loss: loss, threshold: values[TrainOptions.threshold])
    }

    private static func recipe(_ values: OptionValues) -> AdapterRecipe? {
        guard values[TrainOptions.method] == .lora else { return nil }
        return AdapterRecipe(
            rank: values[TrainOptions.rank], alpha: values[TrainOptions.alpha],
            dropoutRate: values[TrainOptions.adapterDropout], projections: values[TrainOptions.targets],
            layers: values[TrainOptions.layers])
    }

    private static func options(_ values: OptionValues) -> TrainingOptions {
        var options = TrainingOptions()
        options.epochs = values[TrainOptions.epochs]
        options.batchSize = values[TrainOptions.batchSize]
        options.learningRate = values[TrainOptions.learningRate]
        options.headLearningRate = values[TrainOptions.headLearningRate]
        options.schedule = values[TrainOptions.schedule]
        options.warmup = values[TrainOptions.warmup]
        options.weightDecay = values[TrainOptions.weightDecay]
        options.clip = values[TrainOptions.clip] > 0 ? values[TrainOptions.clip] : nil
        options.maximumTokens = values[TrainOptions.maximumTokens]
        options.seed = values[TrainOptions.seed]
        options.patience = values[TrainOptions.patience]
        options.dropsInsideEncoder = !values[TrainOptions.noDropout]
        options.reusesFrozenLayers = values[TrainOptions.featureCache]
        options.featureMemory = values[TrainOptions.featureMemory]
        return options
    }
}

extension ModelCard {
    /// The card of what a request came to.
    init(_ request: TrainCommand.Request, _ trained: TrainedTask, baseModel: String, encoder: TransformerEncoder) {
        let options = request.options
        let method =
            request.recipe.map { recipe in
                "LoRA of rank \(recipe.rank) (alpha \(recipe.alpha.formatted)) on "
                    + recipe.projections(for: encoder.config).map(\.rawValue).joined(separator: ", ") + " of "
                    + (recipe.layers.map { "layers " + $0.map(String.init).joined(separator: ", ") } ?? "every layer")
            } ?? "No adapter: the head alone"
        var settings: [(name: String, value: String)] = [
            ("epochs", "\(options.epochs), kept \(trained.report.bestEpoch.map(String.init) ?? "none finished")"),
            ("texts a step", "\(options.batchSize)"), ("learning rate", options.learningRate.formatted),
            ("head learning rate", (options.headLearningRate ?? options.learningRate).formatted),
            ("loss", trained.loss),
            ("schedule", "\(options.schedule.rawValue), warm-up \(options.warmup)"),
            ("weight decay", options.weightDecay.formatted), ("clip", options.clip.map(\.formatted) ?? "none"),
            ("tokens a text, at most", "\(options.maximumTokens)"), ("seed", "\(options.seed)"),
            ("precision of the frozen weights", encoder.precision.rawValue),
            ("dropout inside the encoder", ModelCard.dropout(options, trained, encoder)),
            ("adapter dropout", request.recipe?.dropoutRate.formatted ?? "none"),
            ("trained parameters", HumanUnits.count(trained.report.trainedParameters)),
            ("base fingerprint", "`\(encoder.fingerprint)`"),
        ]
        if request.head.choice == .checkpoint { settings.append(("the head's start", "the base model's own head")) }
        self.init(
            baseModel: baseModel, name: request.name, method: method, objective: request.objective,
            head: trained.task.head?.shape ?? .linear,
            labelCounts: trained.labelCounts, training: (ModelCard.name(request.training), request.training.count),
            evaluation: request.evaluation.map { (ModelCard.name($0), $0.count) }, scores: trained.report.scores,
            settings: settings, command: request.command)
    }

    /// Where the encoder's own dropout applied.
    private static func dropout(
        _ options: TrainingOptions, _ trained: TrainedTask, _ encoder: TransformerEncoder
    ) -> String {
        guard options.dropsInsideEncoder else { return "none" }
        guard options.reusesFrozenLayers else { return "as its config says" }
        guard let lowest = encoder.lowestLayer(changedBy: trained.task.adapters) else { return "none: no layer trains" }
        return "as its config says" + (lowest > 0 ? ", from layer \(lowest) on: none below it trains" : "")
    }

    private static func name(_ data: Dataset) -> String { URL(filePath: data.source).lastPathComponent }
}

extension Float {
    /// The shortest decimal, without a fraction where there is none.
    fileprivate var formatted: String { Int(exactly: self).map(String.init) ?? "\(self)" }
}
