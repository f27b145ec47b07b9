import Foundation
import Graft

/// The recipe that a command line is: its file, or one task that its options describe.
extension TrainCommand {
    static func recipe(_ values: OptionValues) throws -> TrainingRecipe {
        guard let file = values[TrainOptions.recipe] else { return try ofOneTask(values) }
        var recipe = try TrainingRecipe(contentsOf: file)
        if let precision = values[SharedOptions.Machine.precision] {
            if let said = recipe.precision, said != precision {
                throw CommandLineError.conflict(
                    "--precision is \(precision.rawValue), and \(file.relativePath) says \(said.rawValue); leave one of the two out"
                )
            }
            recipe.precision = precision
        }
        return recipe
    }

    private static func ofOneTask(_ values: OptionValues) throws(CommandLineError) -> TrainingRecipe {
        guard let model = values[TrainOptions.model], let training = values[TrainOptions.train],
            let output = values[TrainOptions.output]
        else { preconditionFailure("a line without a recipe has a model, data and an output") }
        let name = output.standardizedFileURL.lastPathComponent
        let adapter = try adapter(values)
        var task = TrainingRecipe.Task(
            name, training: training, evaluation: values[TrainOptions.evaluation], adapter: adapter == nil ? nil : name)
        task.limit = values[TrainOptions.limit]
        task.fields = Dataset.Fields(values, readingLabels: true)
        task.objective = values[TrainOptions.objective]
        task.head = .new(headRecipe(values))
        var recipe = TrainingRecipe(
            model: model, output: output, tasks: [task], adapters: adapter.map { [.init(name, .new($0))] } ?? [],
            stages: [TrainingStage("training", trains: .init(adapters: adapter != nil), options(values))])
        recipe.isOneFolder = true
        recipe.comparesWithHeads = values[TrainOptions.Practice.baseline]
        recipe.precision = values[SharedOptions.Machine.precision]
        return recipe
    }

    /// What head the line asks for.
    private static func headRecipe(_ values: OptionValues) -> HeadRecipe {
        var loss = LossOptions()
        loss.kind = values[TrainOptions.Loss.kind]
        loss.classWeights = values[TrainOptions.Loss.classWeights]
        loss.labelSmoothing = values[TrainOptions.Loss.labelSmoothing]
        loss.focalGamma = values[TrainOptions.Loss.focalGamma]
        loss.rankingScale = values[TrainOptions.Loss.rankingScale]
        loss.tripletMargin = values[TrainOptions.Loss.tripletMargin]
        loss.tripletDistance = values[TrainOptions.Loss.tripletDistance]
        return HeadRecipe(values[TrainOptions.head], loss: loss, threshold: values[TrainOptions.threshold])
    }

    private static func adapter(_ values: OptionValues) throws(CommandLineError) -> AdapterRecipe? {
        guard let method = try TrainOptions.adapterMethod(values) else { return nil }
        var recipe = AdapterRecipe(
            method, targets: values[TrainOptions.targets] ?? .usual, layers: values[TrainOptions.layers])
        recipe.excluded = values[TrainOptions.excluded]
        return recipe
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
        TrainOptions.Practice.read(values, into: &options)
        return options
    }
}
