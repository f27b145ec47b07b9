import Graft

/// Of `graft train`: how rates go, what a step is, and what is evaluated and kept.
extension TrainOptions {
    enum Practice {
        private static let usual = TrainingOptions()

        static let layerDecay = Option.defaulted(
            "layer-decay", .number("X", in: 0.01...1), default: usual.learningRates.layerDecay,
            "what the rate is multiplied by from a layer to the one below; 1: all layers have the same")
        static let loraPlus = Option.defaulted(
            "lora-plus", .positiveNumber("X"), default: usual.learningRates.upperRatio,
            "how many times the rate of LoRA's A its B has (LoRA+; 16 is usual, with a lower --learning-rate)")
        static let decayVectors = Option.flag(
            "decay-vectors", "decay biases too; they are spared otherwise, as transformers does")
        static let warmupSteps = Option.optional(
            "warmup-steps", .integer("N", in: 0...Int.max), "the warm-up in steps, instead of --warmup")
        static let cycles = Option.defaulted(
            "cycles", .integer("N", in: 1...100_000), default: usual.cycles,
            "with --schedule cosine-restarts: how often the rate goes down, each time from its peak")
        static let cycleGrowth = Option.defaulted(
            "cycle-growth", .positiveNumber("X"), default: usual.cycleGrowth,
            "how many times as long as the one before each of these cycles is")
        static let power = Option.defaulted(
            "power", .positiveNumber("X"), default: usual.power,
            "with --schedule polynomial: the power of what is left of the way")
        static let finalShare = Option.defaulted(
            "final-rate", .number("X", in: 0...1), default: usual.finalShare,
            "the share of the peak rate that a schedule ends at")
        static let accumulate = Option.defaulted(
            "accumulate", .integer("N", in: 1...1_000_000), default: usual.accumulation,
            "batches a step: their gradients are summed, and memory is that of one; texts that are compared are so within"
                + " a batch")
        static let average = Option.optional(
            "ema", ValueKind<Float>.number("X", in: 0...0.999999),
            "evaluate and keep an exponential moving average of what trains, with this decay, such as 0.999")
        static let evaluateEvery = Option.optional(
            "evaluate-every", .integer("STEPS", in: 1...Int.max),
            "evaluate each so many steps, and at the end, instead of after each epoch; needs --eval")
        static let metric = Option.optional(
            "metric", ValueKind<String>.text("NAME"),
            "the score that tells which evaluation is best, by its name in 'graft evaluate --json', such as macro_f1; needs"
                + " --eval")
        static let baseline = Option.flag(
            "baseline", "train the head alone too, and say whether the adapter does better; needs --eval")

        static let group = CommandSpecification.Group(
            "Rates, steps and evaluations",
            [
                layerDecay.specification, loraPlus.specification, decayVectors.specification,
                warmupSteps.specification, cycles.specification, cycleGrowth.specification, power.specification,
                finalShare.specification, accumulate.specification, average.specification,
                evaluateEvery.specification, metric.specification, baseline.specification,
            ])

        /// What does not go together.
        static func check(_ values: OptionValues) throws(CommandLineError) {
            let ofScores = [
                ("patience", values.isGiven(patience), "without scores no epoch is better than another"),
                ("evaluate-every", values.isGiven(evaluateEvery), "there is nothing to evaluate on"),
                ("metric", values.isGiven(metric), "there is nothing to evaluate on"),
                ("baseline", values[baseline], "there is nothing to compare on"),
            ]
            if let given = ofScores.first(where: \.1), !values.isGiven(evaluation) {
                throw .conflict("--\(given.0) needs --eval: \(given.2)")
            }
            if values[method] == noMethod {
                if values[baseline] {
                    throw .conflict("--baseline says nothing with --method none: the head is trained alone already")
                }
                if values.isGiven(loraPlus) {
                    throw .conflict("--lora-plus says nothing with --method none; leave one of the two out")
                }
            }
            if values.isGiven(warmup), values.isGiven(warmupSteps) {
                throw .conflict(
                    "the warm-up is a share (--warmup) or a number of steps (--warmup-steps); leave one out")
            }
            let ofSchedules: [(String, Bool, LearningRate.Schedule)] = [
                ("cycles", values.isGiven(cycles), .cosineWithRestarts),
                ("cycle-growth", values.isGiven(cycleGrowth), .cosineWithRestarts),
                ("power", values.isGiven(power), .polynomial),
            ]
            for (name, isGiven, needed) in ofSchedules where isGiven && values[schedule] != needed {
                throw .conflict(
                    "--\(name) says nothing with --schedule \(values[schedule].rawValue); it is for \(needed.rawValue)")
            }
        }

        /// Takes over what the line says.
        static func read(_ values: OptionValues, into options: inout TrainingOptions) {
            options.learningRates.layerDecay = values[layerDecay]
            options.learningRates.upperRatio = values[loraPlus]
            options.decaysVectors = values[decayVectors]
            options.warmupSteps = values[warmupSteps]
            (options.cycles, options.cycleGrowth) = (values[cycles], values[cycleGrowth])
            (options.power, options.finalShare) = (values[power], values[finalShare])
            options.accumulation = values[accumulate]
            options.averageDecay = values[average]
            options.evaluationInterval = values[evaluateEvery]
            options.metric = values[metric]
        }
    }
}
