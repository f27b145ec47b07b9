import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Heads for several labels, for numbers and for similarity: trained, written, read again, and refused by name.
@Suite struct ObjectiveHeadsTests {
    private static var options: TrainingOptions {
        var options = TrainingOptions()
        (options.epochs, options.batchSize, options.learningRate) = (30, 8, 1e-2)
        return options
    }

    private static let sport = ["the team won", "a goal by the player", "the coach and the team", "they won the game"]
    private static let business = ["shares fell", "the bank lost money", "sales rose", "the price of shares"]

    /// Texts of one topic or of both.
    private static let several = Dataset(
        (0..<48).map { index in
            let (sport, business) = (sport[index / 4 % 4], business[index / 8 % 4])
            return switch index % 4 {
            case 0: Example("\(sport) today", label: .names(["sport"]))
            case 1: Example("\(business) today", label: .names(["business"]))
            case 2: Example("\(sport) and \(business)", label: .names(["business", "sport"]))
            default: Example(index % 8 == 3 ? "today" : "last year", label: .names([]))
            }
        })

    private func train(
        _ model: inout AdaptedModel, _ objective: Objective, _ data: Dataset, head: HeadRecipe = .linear
    ) throws -> TrainedTask {
        try model.train(
            "task", as: objective, on: data, evaluatingOn: data, head: head, recipe: AdapterRecipe(rank: 2, alpha: 4),
            ObjectiveHeadsTests.options, baseModel: nil
        ) { _ in .more }
    }

    /// Writes a task, reads it again under another name, and expects the same answers.
    private func roundTrip(_ trained: TrainedTask, _ model: inout AdaptedModel, _ texts: [TextInput]) throws {
        let folder = try TemporaryFolder()
        try trained.task.write(to: folder.appending("task"), card: "")
        let answers = try model.predict(texts, task: "task").map(\.answer)
        try model.load("again", from: folder.appending("task"))
        #expect(try model.predict(texts, task: "again").map(\.answer) == answers)
        #expect(model.tasks["again"]?.head == trained.task.head)
    }

    // MARK: Several labels

    @Test func severalLabelsAreLearnedEachByItself() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let recipe = HeadRecipe(.twoLayer, threshold: 0.4)
        let trained = try train(&model, .multilabel, ObjectiveHeadsTests.several, head: recipe)
        guard case .multilabel(let metrics)? = trained.report.scores else { throw CocoaError(.coderInvalidValue) }
        #expect(metrics.micro.f1 > 0.95, "\(metrics)")
        #expect(trained.labelCounts.map(\.count) == [24, 24] && trained.report.unmoved.isEmpty)
        let head = try #require(trained.task.head)
        #expect(head.shape == .twoLayer(dropout: 0.1) && head.threshold == 0.4 && head.labels == ["business", "sport"])

        let texts: [TextInput] = ["the team won and shares fell", "the team won today", "last year"]
        let answers = try model.predict(texts, task: "task").compactMap(\.labelSet)
        #expect(answers.map(\.labels) == [["business", "sport"], ["sport"], []])
        for answer in answers {
            #expect(answer.labels == answer.scores.filter { $0.score > 0.4 }.map(\.label))
        }
        try roundTrip(trained, &model, texts)
        #expect(try model.evaluate("again", on: ObjectiveHeadsTests.several) == trained.report.scores)
        let unknown = Dataset([Example("x", label: .names(["sport", "sports"]), line: 4)])
        let error = #expect(throws: DataError.self) { try model.evaluate("again", on: unknown) }
        #expect(error?.problem == .unknownLabel("sports", known: ["business", "sport"], nearest: "sport"))
    }

    @Test func aSingleLabelIsAListOfOne() throws {
        let head = MultilabelHead(labels: ["a", "b"], hiddenSize: 4, pooling: .mean)
        let data = Dataset([Example("x", label: .name("b")), Example("x", label: .name("a"))])
        #expect(try head.answers(in: data) == [.ids([1]), .ids([0])])
        #expect(try head.answers(in: Dataset([Example("x", label: .names(["b", "a", "b"]))])) == [.ids([0, 1])])
    }

    @Test func dataWithoutAnyLabelIsRefused() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let empty = Dataset([Example("x", label: .names([])), Example("y", label: .names([]))])
        let error = #expect(throws: DataError.self) { try train(&model, .multilabel, empty) }
        #expect(error?.problem == .noLabels(examples: 2))
    }

    // MARK: Numbers

    @Test func numbersAreLearnedAsTheyAre() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        // 10 for sport, 12.5 for business: the mean is far from 0, and nothing scales it away.
        let data = Dataset(
            (0..<32).map { index in
                index % 2 == 0
                    ? Example(ObjectiveHeadsTests.sport[index / 2 % 4], label: .number(10))
                    : Example(ObjectiveHeadsTests.business[index / 2 % 4], label: .number(12.5))
            })
        let guessed = try #require(data.guessedObjective)
        #expect(guessed == .regression)
        var options = ObjectiveHeadsTests.options
        (options.epochs, options.headLearningRate) = (60, 0.1)
        let trained = try model.train(
            "task", on: data, evaluatingOn: data, recipe: AdapterRecipe(rank: 2, alpha: 4), options, baseModel: nil
        ) { _ in .more }
        guard case .regression(let metrics)? = trained.report.scores else { throw CocoaError(.coderInvalidValue) }
        #expect(metrics.determination > 0.9, "\(metrics)")
        let texts: [TextInput] = ["the team won", "shares fell"]
        let values = try model.predict(texts, task: "task").compactMap(\.number)
        #expect(values.count == 2 && abs(values[0] - 10) < 1 && abs(values[1] - 12.5) < 1, "\(values)")
        try roundTrip(trained, &model, texts)
        let words = Dataset([Example("x", label: .name("ten"), line: 3)])
        let error = #expect(throws: DataError.self) { try model.evaluate("task", on: words) }
        #expect(error?.problem == .notANumber("ten", objective: .regression) && error?.line == 3)
    }

    @Test func filesThatSayWhatAHeadHasNotAreRefused() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let trained = try train(&model, .multilabel, ObjectiveHeadsTests.several)
        let folder = try TemporaryFolder()
        let url = folder.appending("task")
        try trained.task.write(to: url, card: "")
        let config = url.appending(path: "head_config.json")
        let text = String(decoding: try Data(contentsOf: config), as: UTF8.self)
        func refusal(_ old: String, _ new: String) throws -> String {
            #expect(text.contains(old))
            try Data(text.replacing(old, with: new).utf8).write(to: config)
            do {
                _ = try HeadFiles(contentsOf: url, hiddenSize: 32)
                return ""
            } catch { return "\(error)" }
        }
        #expect(
            try refusal("\"multilabel\"", "\"ranking\"").contains("classification, multilabel, regression, tagging"))
        #expect(try refusal("\"multilabel\"", "\"regression\"").contains("expected none: a head for regression"))
        #expect(try refusal("0.5", "1.5").contains("field 'threshold' is 1.5, expected a number from 0.0 to"))
    }

    // MARK: Similarity

    @Test func embeddingsAreThoseOfTheModelFolder() throws {
        let folder = try Fixtures.copyOfTinyEncoder(under: "pooling/dense")
        let model = try AdaptedModel(contentsOf: folder.url)
        let head = SimilarityHead(hiddenSize: 32, pooling: .mean).behind(model.sentence)
        #expect(head.parameters.isEmpty && head.network.inputs == model.sentence.width)
        let task = TaskModel(encoder: model.encoder, adapters: .none, head: head)
        let texts: [TextInput] = ["the team won", "shares fell and the bank lost"]
        let outputs = task.outputs(try model.tokenize(texts, limit: 48), ParameterVector([]))
        let embeddings = try model.embed(texts, prompt: .text(""))
        for (output, embedding) in zip(outputs, embeddings) {
            #expect(Closeness.largestDifference(output.values, embedding) < 1e-6)
        }
    }

    /// A step that is computed in parts, and its loss once over all of them, has the gradients of the step in one batch: with
    /// pairs torn apart among parts.
    @Test(arguments: [
        SimilarityLoss.ranking(MultipleNegativesRanking()), .cosine, .triplet(TripletLoss()),
        .triplet(TripletLoss(distance: .cosine, margin: 0.3)),
    ])
    func aStepInPartsIsTheWholeStep(loss: SimilarityLoss) throws {
        let model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let fresh = try AdapterRecipe(rank: 2, alpha: 4).fresh(for: model.encoder, seed: 1)
        var values = fresh.parameters
        // B is zero at first, and A's gradient with it.
        var random = RandomStream(seed: 2, name: "values")
        values.withMutableValues { for index in $0.indices { $0[index] += 0.1 * (random.uniform() - 0.5) } }
        let head = SimilarityHead(model.sentence, loss: loss)
        let task = TaskModel(encoder: model.encoder, adapters: fresh.adapters, head: head)
        let data = Dataset(
            (0..<4).map { index in
                let (first, second) = (ObjectiveHeadsTests.sport[index], ObjectiveHeadsTests.business[index])
                return loss == .cosine
                    ? Example(first, pairedWith: second, label: .number(Double(index) / 4))
                    : Example(first, pairedWith: second, negative: "today")
            })
        let texts = try model.texts(of: data, head, limit: 32)
        let unit = loss == .cosine ? 2 : 3
        #expect(texts.units == (0..<4).map { $0 * unit..<$0 * unit + unit })
        let terms = texts.targets.reduce(0.0) { $0 + head.lossTerms(of: $1) }
        #expect(terms == 4)

        func step(_ parts: [[Int]]) -> (loss: Double, gradients: Gradients) {
            let passes = parts.map { part in
                var batch = PackedBatch()
                for text in part {
                    batch.append(tokens: texts.texts[text].ids, segments: texts.texts[text].segments)
                }
                return task.forward(batch, Pass(parameters: values, demand: .parameters))
            }
            var gathered = Matrix(rows: texts.count, columns: head.network.inputs)
            for (part, pass) in zip(parts, passes) {
                for (row, text) in part.enumerated() {
                    for column in 0..<gathered.columns { gathered[text, column] = pass.outputs[row, column] }
                }
            }
            let (loss, dOutputs) = head.loss(
                gathered, rows: texts.texts.indices.map { $0..<$0 + 1 }, texts.targets, terms: terms)
            var gradients = values.zeroed()
            for (part, pass) in zip(parts, passes) {
                let rows = Matrix(
                    rows: part.count, columns: dOutputs.columns, values: part.flatMap { dOutputs.row($0) })
                _ = pass.pullback(rows, &gradients)
            }
            return (loss, gradients)
        }

        let whole = step([Array(texts.texts.indices)])
        let odd = step([texts.texts.indices.filter { $0 % 2 == 0 }, texts.texts.indices.filter { $0 % 2 == 1 }])
        #expect(whole.loss > 0 && whole.gradients.values.contains { $0 != 0 })
        #expect(abs(whole.loss - odd.loss) < 1e-5)
        #expect(Closeness.relativeError(odd.gradients.values, whole.gradients.values) < 1e-5)
    }

    /// Pairs that have nothing in common but that they are pairs: what is found was learned.
    private static func related(scored: Bool = false, negatives: Bool = false) -> Dataset {
        Dataset(
            (0..<32).flatMap { index -> [Example] in
                let (first, second) = (sport[index % 4], business[index % 4])
                let other = business[(index + 1 + index / 4 % 3) % 4]
                if scored {
                    return [
                        Example(first, pairedWith: second, label: .number(5)),
                        Example(first, pairedWith: other, label: .number(1)),
                    ]
                }
                return [Example(first, pairedWith: second, negative: negatives ? other : nil)]
            })
    }

    @Test(arguments: [
        (LossOptions.Kind.ranking, false, false), (.ranking, false, true), (.triplet, false, true),
        (.cosine, true, false),
    ])
    func everyLossOfSimilarityIsLearned(kind: LossOptions.Kind, scored: Bool, negatives: Bool) throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let data = ObjectiveHeadsTests.related(scored: scored, negatives: negatives)
        var recipe = HeadRecipe.linear
        recipe.loss.kind = kind
        var options = ObjectiveHeadsTests.options
        (options.epochs, options.learningRate) = (12, 2e-2)
        let trained = try model.train(
            "task", as: .similarity, on: data, evaluatingOn: data, head: recipe,
            recipe: AdapterRecipe(rank: 4, alpha: 8), options, baseModel: nil
        ) { _ in .more }
        let found = try #require(trained.report.scores)
        // Before: the adapter at its start leaves the encoder as it is.
        let base = SimilarityHead(model.sentence, loss: .cosine)
        let texts = try model.texts(of: data, base, limit: 64)
        let start = TaskModel(encoder: model.encoder, adapters: .none, head: base).evaluate(
            on: texts, ParameterVector([]))
        #expect(found.names == start.names)
        #expect(found.headline.value > start.headline.value + 0.2, "\(start.headline), \(found.headline)")
        let tensors = try #require(trained.task.head)
        #expect(tensors.tensors.isEmpty && tensors.labels.isEmpty && trained.labelCounts.isEmpty)
        try roundTrip(trained, &model, [TextInput("the team won", pairedWith: "shares fell")])
        #expect(try model.evaluate("again", on: data) == found)
    }

    @Test func aTaskOfSimilarityIsTheSameOnAnyNumberOfThreads() throws {
        let threads = Parallel.threads
        defer { Parallel.threads = threads }
        var values: [[Float]] = []
        for threads in [1, 2, 5] {
            Parallel.threads = threads
            var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
            var options = ObjectiveHeadsTests.options
            options.epochs = 1
            let trained = try model.train(
                "task", on: ObjectiveHeadsTests.related(), recipe: AdapterRecipe(rank: 2, alpha: 4), options,
                baseModel: nil
            ) { _ in .more }
            values.append(trained.task.parameters.values)
        }
        #expect(values[0] == values[1] && values[0] == values[2])
    }

    @Test func aTaskOfSimilarityNeedsAnAdapterAndPairs() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let pairs = Dataset([Example("x", pairedWith: "y"), Example("z", pairedWith: "w")])
        #expect(throws: TrainingError.nothingTrains(stage: "training")) {
            try model.train("task", on: pairs, recipe: nil, ObjectiveHeadsTests.options, baseModel: nil) { _ in .more }
        }
        let single = Dataset([Example("x", label: .number(0.5), line: 2)])
        let error = #expect(throws: DataError.self) { try train(&model, .similarity, single) }
        #expect(error?.problem == .noPair(objective: .similarity) && error?.line == 2)
    }

    @Test func similarityIsToldOfPairsByTheEmbeddingsOfTheFolderItWasTrainedOn() throws {
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder)
        let bundle = try AdapterRecipe(rank: 2, alpha: 4).fresh(for: model.encoder, seed: 1)
        let adapter = AdapterBundle(
            AdapterRecipe(rank: 2, alpha: 4), trained: bundle.parameters, bundle.adapters, on: model.encoder,
            baseModel: nil)
        let head = SimilarityHead(model.sentence, loss: .cosine)
        let files = HeadFiles(head, ParameterVector([]), maximumTokens: 32, on: model.encoder)
        let folder = try TemporaryFolder()
        let url = folder.appending("like")
        try TaskAdapter(bundle: adapter, head: files).write(to: url, card: "")
        let names = try FileManager.default.contentsOfDirectory(atPath: url.path(percentEncoded: false)).sorted()
        #expect(names == ["README.md", "adapter_config.json", "adapter_model.safetensors", "head_config.json"])

        try model.load("like", from: url)
        let pair = TextInput("the team won", pairedWith: "they won the game")
        let cosine = try #require(try model.predict([pair], task: "like")[0].similarity)
        let embeddings = try model.embed(["the team won", "they won the game"], task: "like")
        let dot = zip(embeddings[0], embeddings[1]).reduce(Float(0)) { $0 + $1.0 * $1.1 }
        let lengths = embeddings.map { $0.reduce(Float(0)) { $0 + $1 * $1 }.squareRoot() }
        #expect(abs(cosine - dot / (lengths[0] * lengths[1])) < 1e-6)
        #expect(throws: PredictionError.missingPair(task: "like", objective: .similarity, text: "alone")) {
            try model.predict([pair, "alone"], task: "like")
        }
        guard
            case .ranking(let metrics) = try model.evaluate(
                "like",
                on: Dataset([
                    Example("shares fell", pairedWith: "shares fell"), Example("a goal", pairedWith: "a goal"),
                ]))
        else { throw CocoaError(.coderInvalidValue) }
        #expect(metrics.ranks == [1, 1])

        let other = try Fixtures.copyOfTinyEncoder(under: "pooling/dense")
        var pooled = try AdaptedModel(contentsOf: other.url)
        let error = #expect(throws: TaskAdapterError.self) { try pooled.load("like", from: url) }
        #expect(error?.description.contains("was trained on embeddings pooled by mean, the model pools by") == true)
    }
}
