import Foundation
import Graft

/// `graft train`
enum TrainOptions {
    private static let training = TrainingOptions()
    private static let usualAdapter = LoRAMethod()

    // MARK: Data

    static let recipe = Option.optional(
        "recipe", .path("FILE"),
        "a JSON file that says it all: several tasks, stages, and what trains in each; then no other options but those of the"
            + " machine, of checkpoints and of the output")
    static let model = Option.optional(
        "model", ValueKind<String>.text("MODEL"),
        "the encoder: a folder, or a Hub id that is in the local cache (see 'graft pull')")
    static let train = Option.optional("train", .path("FILE"), "labelled texts to learn from")
    static let evaluation = Option.optional(
        "eval", .path("FILE"), "labelled texts to score each epoch on; the best epoch is kept (without it: the last)")
    static let output = Option.optional("output", .path("DIR"), "the adapter folder to write")
    static let objective = Option.optional(
        "objective", .choice(of: Objective.self), "what to learn; guessed from the labels if left out")
    static let limit = Option.optional(
        "limit", .integer("N", in: 1...Int.max), "learn from N texts alone, drawn at random by the seed")

    // MARK: Adapter

    static let noMethod = "none"
    static let method = Option.defaulted(
        "method", .choice((AdapterMethods.names.map(\.name) + [noMethod]).map { ($0, $0) }, called: "METHOD"),
        default: LoRAMethod.name,
        "the kind of adapter: \(AdapterMethods.names.map(\.name).joined(separator: ", ")); none trains the head alone"
    )
    static let settings = Option.repeated(
        "setting", .methodSetting, "a setting of the method by its name in recipes, such as rank_stabilized=true",
        isRequired: false)
    static let rank = Option.defaulted(
        "rank", .integer("N", in: 1...4096), default: usualAdapter.rank, "the rank of the low-rank update")
    static let alpha = Option.defaulted(
        "alpha", .positiveNumber("X"), default: usualAdapter.alpha, "its strength: it is scaled by alpha / rank")
    static let targets = Option.optional(
        "targets", .adapterTargets,
        "what to adapt: all-linear; names of linear maps, of those that the encoder has:"
            + " \(Projection.allCases.map(\.rawValue).joined(separator: ", ")), of tables of embeddings (words) or of modules"
            + " as in PEFT's target_modules; or a regular expression for whole names of modules; query and value, or the"
            + " map that holds them, if left out")
    static let excluded = Option.optional(
        "exclude", .adapterTargets, "what is not adapted of that, said likewise")
    static let layers = Option.optional(
        "layers", .layers, "the layers to adapt, counted from 0: 3-5,7; all if left out")
    static let adapterDropout = Option.defaulted(
        "adapter-dropout", .number("X", in: 0...0.99), default: usualAdapter.dropoutRate,
        "the share of the adapter's input that is dropped in training")

    static let head = Option.defaulted(
        "head", .choice(of: HeadChoice.self), default: .linear,
        "a linear layer; RoBERTa's two layers; the layers of transformers' task models; or the head that the model has, to"
            + " train on")
    static let threshold = Option.optional(
        "threshold", ValueKind<Float>.number("X", in: 0...0.9999),
        "of several labels: the probability above which a text has one (0.5 if left out)")

    /// The loss and its settings.
    enum Loss {
        static let kind = Option.optional(
            "loss", .choice(of: LossOptions.Kind.self),
            "the loss; that of the objective if left out, and of similarity that of the data: cosine for scores, triplet for"
                + " negatives, ranking for pairs alone")
        static let classWeights = Option.optional(
            "class-weights", .classWeights,
            "how much each label counts: by how rare it is, or as given, 1 for the others")
        static let labelSmoothing = Option.defaulted(
            "label-smoothing", .number("X", in: 0...0.9999), default: LossOptions().labelSmoothing,
            "the share of the target that all classes have alike")
        static let focalGamma = Option.optional(
            "focal-gamma", ValueKind<Float>.number("X", in: 0...100),
            "how much texts that are already right lose weight; makes the loss focal, for which it is 2 if left out")
        static let rankingScale = Option.optional(
            "ranking-scale", ValueKind<Float>.positiveNumber("X"),
            "what ranking multiplies cosines with (20 if left out)")
        static let tripletMargin = Option.optional(
            "triplet-margin", ValueKind<Float>.number("X", in: 0...Float.greatestFiniteMagnitude),
            "by how much a triplet's negative has to be farther (5 if left out)")
        static let tripletDistance = Option.optional(
            "triplet-distance", .choice(of: TripletLoss.Distance.self),
            "the distance in triplets (euclidean if left out)")

        static let group = CommandSpecification.Group(
            "Loss",
            [
                kind.specification, classWeights.specification, labelSmoothing.specification,
                focalGamma.specification, rankingScale.specification, tripletMargin.specification,
                tripletDistance.specification,
            ])
    }

    // MARK: Training

    static let epochs = Option.defaulted(
        "epochs", .integer("N", in: 1...100_000), default: training.epochs, "passes over the data")
    static let batchSize = Option.defaulted(
        "batch-size", .integer("N", in: 1...1_000_000), default: training.batchSize, "texts a step")
    static let learningRate = Option.defaulted(
        "learning-rate", .positiveNumber("X"), default: training.learningRate, "the peak rate of the adapter")
    static let headLearningRate = Option.optional(
        "head-learning-rate", ValueKind<Float>.positiveNumber("X"),
        "the peak rate of the head; that of the adapter if left out")
    static let schedule = Option.defaulted(
        "schedule", .choice(of: LearningRate.Schedule.self), default: training.schedule,
        "how the rate goes on after the warm-up")
    static let warmup = Option.defaulted(
        "warmup", .number("X", in: 0...1), default: training.warmup,
        "the share of all steps over which the rate rises from 0")
    static let weightDecay = Option.defaulted(
        "weight-decay", .number("X", in: 0...1), default: training.weightDecay, "AdamW's decay of trained weights")
    static let clip = Option.defaulted(
        "clip", .number("X", in: 0...Float.greatestFiniteMagnitude), default: training.clip ?? 0,
        "the largest norm of a step's gradient; 0: no limit")
    static let maximumTokens = Option.defaulted(
        "max-tokens", .integer("N", in: 3...100_000), default: training.maximumTokens,
        "tokens that a text is cut to, special tokens included; longer tagged sentences are read in windows")
    static let seed = Option.defaulted(
        "seed", .integer("N", in: 0...UInt64.max), default: training.seed, "where all randomness comes from")
    static let patience = Option.optional(
        "patience", .integer("N", in: 1...100_000), "stop after N evaluations without a better score; needs --eval")
    static let noDropout = Option.flag("no-dropout", "no dropout inside the frozen encoder")
    static let featureCache = Option.defaulted(
        "feature-cache", .choice([("on", true), ("off", false)]), default: training.reusesFrozenLayers,
        "run the layers below the lowest adapter once for each text, without their dropout, and keep what they give;"
            + " off: in every step, with it")
    static let featureMemory = Option.optional(
        "feature-memory", .byteCount,
        "memory for it, such as 500MB; where more is needed, a temporary file (an eighth of the memory if left out)")
    static let checkpointEvery = Option.optional(
        "checkpoint-every", .integer("STEPS", in: 1...Int.max),
        "write a checkpoint each so many steps, and on Ctrl-C")
    static let resume = Option.flag(
        "resume", "go on from the checkpoint beside the output folder; from the start where there is none yet")
    static let dryRun = Option.flag(
        "dry-run", "print the plan, what trains in each stage and what it costs, and train nothing")

    static let command = CommandSpecification(
        name: "train", summary: "trains an adapter and a head on labelled texts and writes the adapter folder",
        discussion: [
            "Data is read by extension: .jsonl ({\"text\": …, \"label\": …}; \"text_pair\" for pairs, \"labels\" for"
                + " several, \"negative\" for triplets, \"tokens\" and \"tags\" for tagging), .csv and .tsv with a header,"
                + " .conll (token, tab, tag)."
        ],
        groups: [
            .init("Recipe", [recipe.specification, dryRun.specification]),
            .init(
                "Data",
                [
                    model.specification, train.specification, evaluation.specification,
                    output.specification, objective.specification, SharedOptions.Fields.text.specification,
                    SharedOptions.Fields.pair.specification, SharedOptions.Fields.label.specification,
                    limit.specification,
                ]),
            .init(
                "Adapter and head",
                [
                    method.specification, rank.specification, alpha.specification, targets.specification,
                    excluded.specification,
                    layers.specification, adapterDropout.specification, settings.specification, head.specification,
                    threshold.specification,
                ]),
            Loss.group,
            .init(
                "Training",
                [
                    epochs.specification, batchSize.specification, learningRate.specification,
                    headLearningRate.specification, schedule.specification, warmup.specification,
                    weightDecay.specification, clip.specification, maximumTokens.specification, seed.specification,
                    patience.specification, noDropout.specification, featureCache.specification,
                    featureMemory.specification, checkpointEvery.specification, resume.specification,
                ]),
            Practice.group,
            SharedOptions.Machine.group,
            .init("Output", [SharedOptions.Output.json.specification, SharedOptions.Output.quiet.specification]),
        ],
        check: { values throws(CommandLineError) in
            if values.isGiven(recipe) {
                try checkBeside(recipe, values)
                return
            }
            if !values.isGiven(model) { throw .missingOption(name: "model", valueName: "MODEL") }
            if !values.isGiven(train) { throw .missingOption(name: "train", valueName: "FILE") }
            if !values.isGiven(output) { throw .missingOption(name: "output", valueName: "DIR") }
            try Practice.check(values)
            if !values[featureCache], values.isGiven(featureMemory) {
                throw .conflict("--feature-memory says nothing with --feature-cache off; leave one of the two out")
            }
            let adapterOptions = [
                ("rank", values.isGiven(rank)), ("alpha", values.isGiven(alpha)), ("targets", values.isGiven(targets)),
                ("exclude", values.isGiven(excluded)),
                ("layers", values.isGiven(layers)), ("adapter-dropout", values.isGiven(adapterDropout)),
                ("setting", values.isGiven(settings)),
            ]
            if values[method] == noMethod, let given = adapterOptions.first(where: \.1) {
                throw .conflict("--\(given.0) says nothing with --method none; leave one of the two out")
            }
            _ = try adapterMethod(values)
        })

    /// The method that the line asks for, with its settings; nil for none.
    ///
    /// - Throws: ``CommandLineError`` for a setting that the method has not, or that is out of range.
    static func adapterMethod(_ values: OptionValues) throws(CommandLineError) -> (any AdapterMethod)? {
        guard let named = AdapterMethods.names.first(where: { $0.name == values[TrainOptions.method] }) else {
            return nil
        }
        let method = named.method
        var settings = named.settings
        func set(_ name: String, _ value: MethodSettings.Value, _ option: String) throws(CommandLineError) {
            guard method.settingNames.contains(name) else {
                let known = method.settingNames.isEmpty ? "no settings" : method.settingNames.joined(separator: ", ")
                throw .conflict("\(option) says nothing with --method \(method.name), which has \(known)")
            }
            guard settings.updateValue(value, forKey: name) == nil else {
                throw .conflict("'\(name)' is said twice; leave one of the two out")
            }
        }
        if values.isGiven(rank) { try set("rank", .number(Double(values[rank])), "--rank") }
        if values.isGiven(alpha) { try set("alpha", .number(Double(values[alpha])), "--alpha") }
        if values.isGiven(adapterDropout) {
            try set("dropout", .number(Double(values[adapterDropout])), "--adapter-dropout")
        }
        if !method.hasTargets,
            let place = [targets.specification, excluded.specification, layers.specification].first(where: {
                values.givenNames.contains($0.name)
            })
        {
            throw .conflict("--\(place.name) says nothing with --method \(method.name), which is on no single modules")
        }
        for (name, value) in values[self.settings] { try set(name, value, "--setting \(name)") }
        do { return try method.init(MethodSettings(settings)) } catch { throw .conflict("\(error)") }
    }

    /// What else may stand on a line with a recipe: what no recipe says.
    private static func checkBeside(
        _ recipe: Option<URL?>, _ values: OptionValues
    ) throws(CommandLineError) {
        typealias Machine = SharedOptions.Machine
        typealias Output = SharedOptions.Output
        let allowed = [
            recipe.specification, dryRun.specification, checkpointEvery.specification, resume.specification,
            Machine.precision.specification, Machine.threads.specification, Output.json.specification,
            Output.quiet.specification,
        ].map(\.name)
        if let other = values.givenNames.first(where: { !allowed.contains($0) }) {
            throw .conflict("--\(other) says nothing with --recipe: the file says it all; leave one of the two out")
        }
    }
}
