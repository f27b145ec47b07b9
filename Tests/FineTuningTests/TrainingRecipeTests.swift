import Adapters
import Encoders
import FineTuning
import Foundation
import TestSupport
import Testing

@Suite struct TrainingRecipeTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for name in ["a.jsonl", "b.jsonl", "c.jsonl"] { try Data("{}\n".utf8).write(to: folder.appending(name)) }
        for name in ["base", "old"] {
            try FileManager.default.createDirectory(at: folder.appending(name), withIntermediateDirectories: true)
        }
    }

    private func recipe(_ json: String) throws -> TrainingRecipe {
        try Data(json.utf8).write(to: folder.appending("recipe.json"))
        return try TrainingRecipe(contentsOf: folder.appending("recipe.json"))
    }

    /// The error of a recipe, from the line on.
    private func refusal(_ json: String) throws -> String {
        let error = #expect(throws: RecipeError.self, "\(json)") { try recipe(json) }
        return error.map { "\($0)".replacing(#/^.*recipe\.json(:\d+)?: /#, with: "") } ?? ""
    }

    /// A recipe of one task with more fields.
    private func whole(task: String = "", more: String = "") -> String {
        "{\"model\": \"m\", \"output\": \"out\", \"tasks\": {\"topics\": {\"train\": \"a.jsonl\"\(task)}}\(more)}"
    }

    private func path(_ url: URL?) -> String? { url?.standardizedFileURL.path(percentEncoded: false) }

    @Test func readsEverythingThatItSays() throws {
        let recipe = try recipe(
            """
            {
              "model": "org/name", "output": "out/", "seed": 7, "precision": "int8", "max_tokens": 128, "baseline": true,
              "adapters": {
                "shared": {"method": "lora", "rank": 4, "alpha": 8, "rank_stabilized": true, "targets": ["query", "value"],
                           "layers": "1-2", "dropout": 0.1},
                "old": {"from": "old"}
              },
              "tasks": {
                "topics": {"train": "a.jsonl", "eval": "b.jsonl", "objective": "classification", "adapter": "shared",
                           "head": {"shape": "two-layer"}, "weight": 0.5,
                           "loss": {"label_smoothing": 0.1, "class_weights": {"sport": 2}}, "text_field": "t", "pair_field": "p", "label_field": "l",
                           "limit": 10},
                "sentiment": {"eval": "c.jsonl", "adapter": "old", "head": {"from": "old", "frozen": true},
                              "maximum_drop": 0.02},
                "own": {"train": "c.jsonl", "adapter": {"rank": 2}}
              },
              "mixing": {"by": "temperature", "temperature": 2},
              "options": {"batch_size": 16, "schedule": "cosine", "warmup": 0.2, "patience": 3},
              "stages": [
                {"name": "first", "train": ["heads"], "epochs": 2, "learning_rate": 1e-2},
                {"train": ["heads", "adapters", "layers 1-2", "embeddings", "norms", "biases"], "patience": null,
                 "learning_rate": {"adapters": 2e-3, "heads": 5e-4, "layers": 2e-5}, "layer_decay": 0.8, "lora_plus": 4,
                 "accumulate": 2, "ema": 0.99, "metric": "macro_f1", "evaluate_every": 10, "decay_vectors": true,
                 "warmup_steps": 5, "cycles": 2, "cycle_growth": 1.5, "power": 2, "final_share": 0.1, "clip": null, "batch_size": 8, "weight_decay": 0,
                 "encoder_dropout": false, "feature_cache": false, "feature_memory": "2 MB", "schedule": "constant"}
              ],
              "unfreeze": {"from": "top", "epochs_each": 1, "layers": 2, "train": ["heads"]}
            }
            """)
        #expect(recipe.comparesWithHeads)
        #expect(recipe.model == "org/name" && recipe.precision == .int8 && recipe.mixing == .temperature(2))
        #expect(path(recipe.output) == path(folder.appending("out/")))
        #expect(recipe.adapters.map(\.name) == ["shared", "old", "own"])
        guard case .new(let shared) = recipe.adapters[0].start, case .folder(let old) = recipe.adapters[1].start else {
            Issue.record("adapters start as they say")
            return
        }
        let method = LoRAMethod(rank: 4, alpha: 8, isRankStabilized: true, dropoutRate: 0.1)
        #expect(shared.method as? LoRAMethod == method)
        #expect(shared.projections == [.query, .value] && shared.layers == [1, 2])
        #expect(path(old)?.hasSuffix("/old") == true || path(old)?.hasSuffix("/old/") == true)
        #expect(recipe.tasks.map(\.name) == ["topics", "sentiment", "own"], "in the order of the file")
        let (topics, sentiment) = (recipe.tasks[0], recipe.tasks[1])
        #expect(path(topics.training) == path(folder.appending("a.jsonl")))
        #expect(path(topics.evaluation) == path(folder.appending("b.jsonl")))
        #expect(
            topics.objective == .classification && topics.adapter == "shared" && topics.weight == 0.5
                && topics.limit == 10)
        #expect(topics.fields == Dataset.Fields(text: "t", pair: "p", label: "l"))
        var head = HeadRecipe(.twoLayer)
        (head.loss.labelSmoothing, head.loss.classWeights) = (0.1, .given(["sport": 2]))
        #expect(topics.head == .new(head))
        #expect(sentiment.training == nil && sentiment.maximumDrop == 0.02)
        guard case .folder(_, isFrozen: true) = sentiment.head else {
            Issue.record("the head is from a folder, and frozen")
            return
        }
        #expect(recipe.tasks[2].adapter == "own")
        let (first, second) = (recipe.stages[0], recipe.stages[1])
        #expect(first.name == "first" && first.trains == .init(adapters: false))
        #expect(first.options.learningRate == 1e-2 && first.options.headLearningRate == nil)
        #expect(first.options.seed == 7 && first.options.maximumTokens == 128 && first.options.batchSize == 16)
        #expect(first.options.schedule == .cosine && first.options.patience == 3 && first.options.epochs == 2)
        #expect(second.name == "heads, adapters, layers 1-2, embeddings, norms and biases")
        #expect(second.trains == .init(layers: [1, 2], embeddings: true, norms: true, biases: true))
        #expect(second.options.patience == nil && second.options.clip == nil && second.options.batchSize == 8)
        #expect(second.options.learningRate == 2e-3 && second.options.headLearningRate == 5e-4)
        #expect(!second.options.dropsInsideEncoder && !second.options.reusesFrozenLayers)
        #expect(second.options.featureMemory == 2_000_000 && second.options.warmup == 0.2)
        var rates = LearningRates(adapters: 2e-3, heads: 5e-4, layers: 2e-5)
        (rates.layerDecay, rates.upperRatio) = (0.8, 4)
        #expect(second.options.learningRates == rates)
        #expect(second.options.accumulation == 2 && second.options.averageDecay == 0.99 && second.options.decaysVectors)
        #expect(second.options.metric == "macro_f1" && second.options.evaluationInterval == 10)
        #expect(second.options.warmupSteps == 5 && second.options.cycles == 2 && second.options.cycleGrowth == 1.5)
        #expect(second.options.power == 2 && second.options.finalShare == 0.1)
        #expect(first.options.warmupSteps == nil && first.options.averageDecay == nil)
        let all = try recipe.stages(layers: 3)
        #expect(all.map(\.name).suffix(2) == ["layer 2", "layers 1-2"])
    }

    @Test func needsLittle() throws {
        let recipe = try recipe(whole())
        #expect(recipe.stages == [TrainingStage("training", trains: .init(adapters: false), TrainingOptions())])
        #expect(recipe.adapters.isEmpty && recipe.precision == nil && recipe.mixing == .proportional)
        let adapted = try self.recipe(whole(task: ", \"adapter\": {}"))
        #expect(adapted.stages == [TrainingStage("training", TrainingOptions())])
        #expect(
            try self.recipe(whole().replacing("\"m\"", with: "\"base\"")).model.hasSuffix("/base"), "a folder beside it"
        )
    }

    @Test func unfreezesLayersOneAfterTheOther() throws {
        let heads = TrainingStage.Trains(adapters: false)
        let top = GradualUnfreezing(from: .top, beside: heads, TrainingOptions())
        var recipe = try recipe(whole())
        recipe.unfreezing = top
        #expect(try recipe.stages(layers: 3).dropFirst().map(\.trains.layers) == [[2], [1, 2], [0, 1, 2]])
        recipe.unfreezing = GradualUnfreezing(from: .bottom, layers: 2, beside: heads, TrainingOptions())
        #expect(try recipe.stages(layers: 3).dropFirst().map(\.trains.layers) == [[0], [0, 1]])
        #expect(try recipe.stages(layers: 3).allSatisfy { $0.trains.heads && !$0.trains.adapters })
        recipe.unfreezing = GradualUnfreezing(from: .top, layers: 4, beside: heads, TrainingOptions())
        #expect(throws: RecipeError.self) { try recipe.stages(layers: 3) }
        recipe.unfreezing = nil
        recipe.stages[0].trains.layers = [3]
        let error = #expect(throws: RecipeError.self) { try recipe.stages(layers: 3) }
        #expect(
            error.map {
                "\($0)".hasSuffix("stages[0].train is layer 3, expected layers from 0 to 2, as the encoder has")
            } == true)
    }

    @Test(arguments: [
        ("{\"model\": \"m\"", "column 14: this is not JSON: found the end of the file, expected ',' or '}'"),
        ("{\n \"model\": 'm'}", "column 11: this is not JSON: found ''m'}', expected a value"),
        ("{\"a\": 1, }", "column 10: this is not JSON: found '}', expected something after the last ',', or no ','"),
        ("{\"a\": 01}", "column 7: this is not JSON: found '01}', expected a number, without zeros before it"),
        ("{\"a\": 1} x", "column 10: this is not JSON: found 'x', expected the end of the file"),
        (
            "{\"a\": \"\\x\"}",
            "column 9: this is not JSON: found 'x\"}', expected one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u"
        ),
        ("{\"model\": 1, \"model\": 2}", "the name 'model' stands twice; leave one of the two out"),
        ("", "column 1: this is not JSON: found the end of the file, expected a value"),
        ("[]", "the recipe is a list, expected an object"),
        ("{}", "the recipe has no 'model', which has to be there"),
    ])
    func refusesWhatIsNoRecipe(_ json: String, _ words: String) throws { #expect(try refusal(json) == words) }

    @Test func tellsTheLine() throws {
        let error = #expect(throws: RecipeError.self) {
            try recipe(whole(more: ",\n\"options\": {\n\"epochs\": 3,\n\"batchsize\": 8}"))
        }
        #expect(error?.line == 4)
        #expect(error?.path == "options")
        #expect(
            error.map {
                "\($0)".hasSuffix("recipe.json:4: options has no field 'batchsize' (did you mean 'batch_size'?)")
            } == true)
    }

    @Test(arguments: [
        (", \"mixnig\": {}", "the recipe has no field 'mixnig' (did you mean 'mixing'?)"),
        (", \"seed\": -1", "seed is -1, expected a whole number of 0 or more"),
        (", \"seed\": \"1\"", "seed is '1', expected a whole number of 0 or more"),
        (", \"max_tokens\": 1.5", "max_tokens is 1.5, expected a whole number from 3 to 100000"),
        (", \"precision\": \"flaot32\"", "precision: there is no precision 'flaot32' (did you mean 'float32'?)"),
        (
            ", \"stages\": [{\"train\": [\"heads\"]}, {\"train\": [\"heads\"]}]",
            "stages[1].name: two stages are called 'heads'; give each a name of its own"
        ),
        (
            ", \"options\": {\"warmup\": 0.1, \"warmup_steps\": 3}",
            "options.warmup_steps: the warm-up is a share or a number of steps; leave one of the two out"
        ),
        (", \"options\": {\"warmup\": 2}", "options.warmup is 2, expected a number from 0 to 1"),
        (", \"options\": {\"learning_rate\": 0}", "options.learning_rate is 0, expected a number above 0"),
        (
            ", \"options\": {\"learning_rate\": {\"head\": 1}}",
            "options.learning_rate has no field 'head' (did you mean 'heads'?)"
        ),
        (", \"options\": {\"encoder_dropout\": 1}", "options.encoder_dropout is 1, expected true or false"),
        (
            ", \"options\": {\"feature_memory\": \"2 TB\"}",
            "options.feature_memory is '2 TB', expected a number of bytes, or text such as \"500MB\""
        ),
        (
            ", \"options\": {\"schedule\": \"cosin\"}",
            "options.schedule: there is no schedule 'cosin' (did you mean 'cosine'?)"
        ),
        (
            ", \"options\": {\"patience\": 1}",
            "stages[0].patience: without an 'eval' of a task that trains no epoch is better than another"
        ),
        (", \"adapters\": {\"a\": {\"rank\": 0}}", "adapters.a.rank is 0, expected a whole number from 1 to 4096"),
        (
            ", \"adapters\": {\"a\": {\"method\": \"lara\"}}",
            "adapters.a.method: there is no method 'lara' (did you mean 'lora'?)"
        ),
        (
            ", \"adapters\": {\"a\": {\"targets\": [\"query\", \"query\"]}}",
            "adapters.a.targets[1]: 'query' stands twice; leave one out"
        ),
        (
            ", \"adapters\": {\"a\": {\"targets\": \"query,\"}}",
            "adapters.a.targets is 'query,', expected a list of names, a pattern, or \"all-linear\""
        ),
        (
            ", \"adapters\": {\"a\": {\"method\": \"dora\", \"dora\": false}}",
            "adapters.a.dora: \"method\": \"dora\" says 'dora' already; leave it out"
        ),
        (
            ", \"adapters\": {\"a\": {\"parts\": [{\"rank\": 0}]}}",
            "adapters.a.parts[0].rank is 0, expected a whole number from 1 to 4096"
        ),
        (
            ", \"adapters\": {\"a\": {\"parts\": [{\"method\": \"ia4\"}]}}",
            "adapters.a.parts[0].method: there is no method 'ia4' (did you mean 'ia3'?)"
        ),
        (
            ", \"adapters\": {\"a\": {\"parts\": [{\"method\": \"ia3\", \"rank\": 4}]}}",
            "adapters.a.parts[0] has no field 'rank'"
        ),
        (
            ", \"adapters\": {\"a\": {\"parts\": [{\"method\": \"loha\", \"rank\": 0}]}}",
            "adapters.a.parts[0].rank is 0, expected a whole number"
        ),
        (
            ", \"adapters\": {\"a\": {\"parts\": [{\"method\": \"dora\", \"dora\": true}]}}",
            "adapters.a.parts[0].dora: \"method\": \"dora\" says 'dora' already; leave it out"
        ),
        (
            ", \"adapters\": {\"a\": {\"rank\": 4, \"parts\": [{\"method\": \"ia3\"}]}}",
            "adapters.a.rank: no part has the method 'lora' of the whole; say it in the parts that it is for"
        ),
        (
            ", \"adapters\": {\"a\": {\"method\": \"vera\", \"parts\": [{\"method\": \"ia3\"}]}}",
            "adapters.a.method: no part has the method 'vera' of the whole; say it in the parts that it is for"
        ),
        (
            ", \"adapters\": {\"a\": {\"parts\": [{}, {\"method\": \"prompt\", \"layers\": 1}]}}",
            "adapters.a.parts[1].layers: the method 'prompt' is on no modules that can be chosen; leave 'layers' out"
        ),
        (
            ", \"adapters\": {\"a\": {\"method\": \"prefix\", \"targets\": \"all-linear\"}}",
            "adapters.a.targets: the method 'prefix' is on no modules that can be chosen; leave 'targets' out"
        ),
        (
            ", \"adapters\": {\"a\": {\"parts\": [{\"lora_bias\": true}]}}",
            "adapters.a.parts[0]: the method 'lora' has the same 'lora_bias' everywhere; a part may have its own rank, alpha, dropout"
        ),
        (
            ", \"adapters\": {\"a\": {\"tokens\": [7, 7]}}",
            "adapters.a.tokens is a list, expected a list of token ids, each once, or an object of such lists by the names of tables"
        ),
        (
            ", \"adapters\": {\"a\": {\"layers\": \"5-3\"}}",
            "adapters.a.layers is '5-3', expected layers counted from 0, such as 3-5,7"
        ),
        (", \"adapters\": {\"a\": {\"from\": \"no\"}}", "adapters.a.from: there is no folder "),
        (
            ", \"adapters\": {\"a\": {\"from\": \"old\", \"rank\": 8}}",
            "adapters.a.from: an adapter that goes on from a folder has its 'rank' from there; leave one of the two out"
        ),
        (
            ", \"adapters\": {\"a b\": {}}",
            "adapters[\"a b\"]: no task goes through this adapter; name it in a task's 'adapter', or leave it out"
        ),
        (", \"adapters\": {\"a/b\": {}}", "adapters[\"a/b\"]: the adapter's name 'a/b' cannot be that of a folder"),
        (", \"mixing\": {\"by\": \"temperature\"}", "mixing has no 'temperature', which has to be there"),
        (
            ", \"mixing\": {\"by\": \"even\", \"temperature\": 2}",
            "mixing.temperature: it says nothing with \"by\": \"even\"; leave one of the two out"
        ),
        (", \"stages\": []", "stages is a list, expected a stage at least"),
        (
            ", \"stages\": [{\"train\": [\"haeds\"]}]",
            "stages[0].train[0]: there is no part of the model 'haeds' (did you mean 'heads'?)"
        ),
        (
            ", \"stages\": [{\"train\": [\"layers\"]}]",
            "stages[0].train[0] is 'layers', expected \"layers\" with their numbers counted from 0, such as \"layers 4-5\""
        ),
        (", \"stages\": [{\"train\": []}]", "stages[0].train is a list, expected something that trains"),
        (
            ", \"stages\": [{\"train\": [\"adapters\"]}]",
            "stages[0].train: no adapter is there to train; describe one under 'adapters'"
        ),
        (
            ", \"stages\": [{\"train\": [\"biases\"]}]",
            "tasks.topics.head: no stage trains \"heads\", so this new head would stay untrained"
        ),
        (", \"stages\": [{\"train\": [\"heads\"], \"seed\": 1}]", "stages[0] has no field 'seed'"),
        (
            ", \"unfreeze\": {\"from\": \"topp\", \"epochs_each\": 1}",
            "unfreeze.from: there is no end of the encoder 'topp' (did you mean 'top'?)"
        ),
        (", \"unfreeze\": {\"from\": \"top\"}", "unfreeze has no 'epochs_each', which has to be there"),
        (
            ", \"unfreeze\": {\"from\": \"top\", \"epochs_each\": 1, \"epochs\": 2}",
            "unfreeze.epochs: the epochs of each stage are 'epochs_each'; leave this out"
        ),
    ])
    func refusesByPlaceAndName(_ more: String, _ words: String) throws {
        let found = try refusal(whole(more: more))
        #expect(found.hasPrefix(words), "\(found)")
    }

    @Test(arguments: [
        (", \"eval\": \"no.jsonl\"", "tasks.topics.eval: there is no file "),
        (", \"eval\": \"old\"", "tasks.topics.eval: there is no file "),
        (", \"objective\": \"classify\"", "tasks.topics.objective: there is no objective 'classify'"),
        (", \"adapter\": \"shraed\"", "tasks.topics.adapter: there is no adapter 'shraed'; there is none"),
        (", \"adapter\": 3", "tasks.topics.adapter is 3, expected an adapter's name, or an object that describes one"),
        (", \"head\": {\"shpae\": \"linear\"}", "tasks.topics.head has no field 'shpae' (did you mean 'shape'?)"),
        (", \"head\": {\"labels\": []}", "tasks.topics.head has no field 'labels'"),
        (
            ", \"head\": {\"shape\": \"linaer\"}",
            "tasks.topics.head.shape: there is no shape 'linaer' (did you mean 'linear'?)"
        ),
        (
            ", \"head\": {\"frozen\": true}",
            "tasks.topics.head.frozen: a new head that is frozen would stay untrained; give it a 'from'"
        ),
        (
            ", \"head\": {\"from\": \"old\", \"shape\": \"linear\"}",
            "tasks.topics.head.shape: a head from a folder has its shape"
        ),
        (", \"maximum_drop\": 0.1", "tasks.topics.maximum_drop: it is a drop of the score on 'eval', which is missing"),
        (", \"weight\": 0", "tasks.topics.weight is 0, expected a number above 0"),
    ])
    func refusesTasksByPlaceAndName(_ more: String, _ words: String) throws {
        let found = try refusal(whole(task: more))
        #expect(found.hasPrefix(words), "\(found)")
    }

    @Test(arguments: [
        ("{}", "tasks is an object, expected a task at least"),
        ("{\"stages\": {\"train\": \"a.jsonl\"}}", "tasks.stages: a task cannot be called 'stages'"),
        ("{\"../x\": {\"train\": \"a.jsonl\"}}", "tasks[\"../x\"]: the task's name '../x' cannot be that of a folder"),
        ("{\"a\": {}}", "tasks.a: it has neither 'train' nor 'eval'; give it one of the two"),
        ("{\"a\": {\"eval\": \"a.jsonl\"}}", "tasks.a: without 'train' its head would stay untrained"),
        (
            "{\"a\": {\"eval\": \"a.jsonl\", \"head\": {\"from\": \"old\"}}}",
            "tasks: no task has 'train', so there is nothing to train"
        ),
        (
            "{\"a\": {\"eval\": \"a.jsonl\", \"head\": {\"from\": \"old\"}, \"weight\": 2}}",
            "tasks.a.weight: it is that of its loss"
        ),
    ])
    func refusesTasksThatDoNothing(_ tasks: String, _ words: String) throws {
        let found = try refusal("{\"model\": \"m\", \"output\": \"o\", \"tasks\": \(tasks)}")
        #expect(found.hasPrefix(words), "\(found)")
    }

    @Test func readsTextAsJSONWritesIt() throws {
        let text = "a \\\"b\\\" \\u00e9 \\ud83d\\ude00 \\n \\/"
        let recipe = try recipe(whole(more: ", \"stages\": [{\"name\": \"\(text)\", \"train\": [\"heads\"]}]"))
        #expect(recipe.stages[0].name == "a \"b\" é 😀 \n /")
        for broken in ["\\ud83d", "\\ude00", "\\ud83dx", "\\u12"] {
            #expect(try refusal("{\"\(broken)\": 1}").contains("this is not JSON"))
        }
        let deep = String(repeating: "[", count: 100_000)
        #expect(try refusal(deep).contains("expected fewer brackets within each other"))
    }

    @Test func everyExampleOfTheGuideIsARecipe() throws {
        let guide = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/guides/recipes.md")
        let text = try String(contentsOf: guide.standardizedFileURL, encoding: .utf8)
        let examples = text.matches(of: #/```json\n([\s\S]*?)```/#).map { String($0.output.1) }
        #expect(examples.count == 8)
        for name in ["bbc-train", "bbc-test", "reviews-test"] {
            try Data("{}\n".utf8).write(to: folder.appending(name + ".jsonl"))
        }
        try FileManager.default.createDirectory(
            at: folder.appending("old/sentiment"), withIntermediateDirectories: true)
        for example in examples {
            let recipe = try recipe(example)
            #expect(try !recipe.stages(layers: 6).isEmpty, "\(example)")
        }
    }

    // MARK: Parts with methods of their own

    private func parts(_ json: String) throws -> AdapterRecipe {
        let recipe = try recipe(whole(task: ", \"adapter\": \(json)"))
        guard case .new(let adapter) = recipe.adapters[0].start else { throw TestFailure() }
        return adapter
    }

    private struct TestFailure: Error {}

    @Test func aPartHasItsOwnMethodWithItsSettings() throws {
        let recipe = try parts(
            """
            {"parts": [{"layers": "0-3", "method": "ia3"},
                       {"layers": [4, 5], "method": "lora", "rank": 16, "targets": "all-linear"},
                       {"method": "pfeiffer", "reduction_factor": 8}]}
            """)
        #expect(recipe.parts.map(\.layers) == [[0, 1, 2, 3], [4, 5], nil])
        #expect(recipe.parts[0].method is IA3Method && recipe.parts[1].targets == .allLinear)
        // Of the method of the whole, LoRA as nothing else is said.
        #expect(recipe.parts[1].method == nil && recipe.parts[1].settings.names == ["rank"])
        #expect((recipe.parts[2].method as? PfeifferMethod)?.settings.reduction.usual == 8)
        #expect(recipe.byMethod.map { type(of: $0.method).name } == ["ia3", "lora", "pfeiffer"])
    }

    @Test func whatAPartOfTheSameMethodDoesNotSayIsAsInTheWhole() throws {
        let recipe = try parts(
            """
            {"method": "dora", "rank": 4, "alpha": 6, "targets": "query,key", "parts": [
              {"layers": [0], "method": "dora", "rank": 2}, {"layers": [1], "method": "lora"},
              {"layers": [2], "method": "dora", "rank_stabilized": true}, {"layers": [3], "method": "loha", "rank": 3}]}
            """)
        #expect(recipe.parts[0].method == nil && recipe.parts[0].settings.names == ["rank"])
        let plain = LoRAMethod(rank: 4, alpha: 6)
        var stabilized = LoRAMethod(rank: 4, alpha: 6, isRankStabilized: true)
        stabilized.trainsLengths = true
        #expect(recipe.parts[1].method as? LoRAMethod == plain, "not DoRA: that is another name")
        #expect(recipe.parts[2].method as? LoRAMethod == stabilized)
        #expect(type(of: recipe.parts[3].method ?? recipe.method) == LoHaMethod.self)
        #expect(recipe.byMethod.count == 4)
    }

    @Test func wherePartsHaveOneMethodItIsThatOfTheWhole() throws {
        let recipe = try parts(#"{"parts": [{"layers": [0], "method": "ia3"}, {"layers": [2], "method": "ia3"}]}"#)
        #expect(recipe.method is IA3Method && recipe.byMethod.count == 1)
    }
}
