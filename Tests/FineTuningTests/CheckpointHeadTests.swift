import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import Safetensors
import TestSupport
import Testing
import Tokenizers

/// The heads of task models that transformers wrote, against it in float64 (`Tests/Peers/make_head_fixtures.py`).
@Suite struct CheckpointHeadTests {
    /// Those of families that there are.
    static let models = [
        "bert", "bert-tokens", "distilbert", "distilbert-tokens", "roberta", "roberta-tokens", "xlm-roberta", "electra",
        "mpnet", "albert", "deberta-v2", "modernbert", "modernbert-mean", "modernbert-tokens",
    ].filter { name in
        EncoderFamily.all.contains { name == $0.modelType || name.hasPrefix($0.modelType + "-") }
    }

    /// The name of a parameter's tensor in the checkpoint.
    private func tensorName(_ parameter: Parameter, among names: [String]) throws -> String {
        let ending = parameter.name.hasSuffix(".bias") ? ".bias" : ".weight"
        let isDense = parameter.name.hasPrefix("head.dense"), isNorm = parameter.name.hasPrefix("head.norm")
        let modules =
            isDense
            ? ["pooler.dense", "pooler", "pre_classifier", "classifier.dense", "head.dense"]
            : isNorm ? ["head.norm"] : ["classifier", "classifier.out_proj"]
        let found = names.filter { name in
            modules.contains { name == "gradient.\($0)\(ending)" || name.hasSuffix(".\($0)\(ending)") && isDense }
        }
        return try #require(found.count == 1 ? found[0] : nil, "\(parameter.name) among \(names)")
    }

    @Test(arguments: models) func logitsAndGradientsEqualTransformers(name: String) throws {
        let golden = try GoldenFile("heads/\(name).safetensors")
        let folder = Fixtures.url("heads/\(name)")
        let encoder = try TransformerEncoder(contentsOf: folder)
        let found = try #require(try CheckpointHead(contentsOf: folder))
        let (head, values) = try found.files(for: encoder, maximumTokens: 40).head
        #expect(
            found.labels == (head.pooling == nil ? ["O", "B-team", "I-team"] : ["sport", "business", "technology"]))
        let model = TaskModel(encoder: encoder, adapters: .none, head: head)
        let batch = try golden.batch()
        // No dropout: the pass has no key for it.
        let (logits, pullback) = model.forward(batch, Pass(parameters: values, demand: .parameters))
        #expect(Closeness.largestDifference(logits.values, try golden.floats("logits")) < 1e-5)

        let targets = try golden.integers("labels").map { $0 < 0 ? nil : $0 }
        let (loss, dLogits) = SoftmaxCrossEntropy.loss(
            logits, targets: targets, count: targets.count { $0 != nil })
        #expect(abs(Float(loss) - (try golden.floats("loss")[0])) < 1e-5)
        var gradients = values.zeroed()
        _ = pullback(dLogits, &gradients)
        let names = golden.names.filter { $0.hasPrefix("gradient.") }
        #expect(names.count == head.parameters.count, "\(names)")
        for parameter in head.parameters {
            let expected = try golden.floats(tensorName(parameter, among: names))
            #expect(Closeness.relativeError(gradients[parameter].values, expected) < 1e-5, "\(parameter.name)")
        }
    }

    @Test(arguments: models.filter { !$0.hasSuffix("-tokens") })
    func theGradientOfTheStatesIsThatOfTheLoss(name: String) throws {
        let folder = Fixtures.url("heads/\(name)")
        let encoder = try TransformerEncoder(contentsOf: folder)
        let (head, values) = try #require(try CheckpointHead(contentsOf: folder))
            .files(for: encoder, maximumTokens: 40).head
        var random = RandomStream(seed: 3, name: name)
        var x = Matrix(rows: 2, columns: 16, values: (0..<32).map { _ in 2 * random.uniform() - 1 })
        let direction = (0..<32).map { _ in 2 * random.uniform() - 1 }
        let dy = Matrix(rows: 2, columns: 3, values: (0..<6).map { _ in 2 * random.uniform() - 1 })
        func loss(_ x: Matrix) -> Double {
            let y = head.network.forward(x, Pass(parameters: values)).y
            return zip(y.values, dy.values).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        var gradients = values.zeroed()
        let (_, pullback) = head.network.forward(x, Pass(parameters: values, demand: .parametersAndInput))
        let dx = pullback(dy, &gradients)
        let slope = zip(dx.values, direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        let step: Float = 1e-2
        x.add(Matrix(rows: 2, columns: 16, values: direction), scale: step)
        let above = loss(x)
        x.add(Matrix(rows: 2, columns: 16, values: direction), scale: -2 * step)
        #expect(abs((above - loss(x)) / Double(2 * step) - slope) < 1e-2 * max(1, abs(slope)))
    }

    @Test(arguments: models) func itsFilesGiveItBackAndAnswerAlike(name: String) throws {
        let source = Fixtures.url("heads/\(name)")
        let encoder = try TransformerEncoder(contentsOf: source)
        let files = try #require(try CheckpointHead(contentsOf: source)).files(for: encoder, maximumTokens: 40)
        let folder = try TemporaryFolder()
        try files.write(into: folder.url)
        #expect(try HeadFiles(contentsOf: folder.url, hiddenSize: 16) == files)
        #expect(try HeadFiles(contentsOf: folder.url, hiddenSize: nil) == files)
    }

    // MARK: What is refused

    private func changed(_ name: String, _ change: (inout [String: Any]) -> Void) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let source = Fixtures.url("heads/\(name)")
        for file in try FileManager.default.contentsOfDirectory(atPath: source.path(percentEncoded: false)) {
            try FileManager.default.copyItem(at: source.appending(path: file), to: folder.appending(file))
        }
        let url = folder.appending("config.json")
        var config = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
        change(&config)
        try JSONSerialization.data(withJSONObject: config).write(to: url)
        return folder
    }

    private func refusal(_ folder: TemporaryFolder) throws -> String {
        let encoder = try TransformerEncoder(contentsOf: folder.url)
        do {
            let head = try #require(try CheckpointHead(contentsOf: folder.url))
            _ = try head.files(for: encoder, maximumTokens: 40)
            return ""
        } catch { return "\(error)" }
    }

    @Test(arguments: ["bert-labels", "bert-number"])
    func headsForSeveralLabelsAndForNumbersEqualTransformers(name: String) throws {
        let golden = try GoldenFile("heads/\(name).safetensors")
        let folder = Fixtures.url("heads/\(name)")
        let encoder = try TransformerEncoder(contentsOf: folder)
        let found = try #require(try CheckpointHead(contentsOf: folder))
        let (head, values) = try found.files(for: encoder, maximumTokens: 40).head
        #expect(head.objective == (name == "bert-labels" ? .multilabel : .regression))
        let answers = try golden.matrix("answers")
        let targets: [Target] =
            head.objective == .multilabel
            ? (0..<answers.rows).map { row in .labels(answers.row(row).indices.filter { answers[row, $0] == 1 }) }
            : answers.values.map { .number($0) }
        let batch = try golden.batch()
        let model = TaskModel(encoder: encoder, adapters: .none, head: head)
        let (outputs, pullback) = model.forward(batch, Pass(parameters: values, demand: .parameters))
        #expect(Closeness.largestDifference(outputs.values, try golden.floats("logits")) < 1e-5)
        let (loss, dOutputs) = head.loss(outputs, targets, batch, terms: Double(targets.count))
        #expect(abs(Float(loss) - (try golden.floats("loss")[0])) < 1e-5)
        var gradients = values.zeroed()
        _ = pullback(dOutputs, &gradients)
        let names = golden.names.filter { $0.hasPrefix("gradient.") }
        #expect(names.count == head.parameters.count, "\(names)")
        for parameter in head.parameters {
            let expected = try golden.floats(tensorName(parameter, among: names))
            #expect(Closeness.relativeError(gradients[parameter].values, expected) < 1e-5, "\(parameter.name)")
        }
        #expect(try model.evaluate(on: texts(golden, targets), values).names == Scores.names(for: head.objective))
    }

    /// The texts of a golden file, with what is known about them.
    private func texts(_ golden: GoldenFile, _ targets: [Target]) throws -> TrainingTexts {
        let batch = try golden.batch()
        return TrainingTexts(
            texts: batch.sequences.map { range in
                TokenizedText(
                    ids: Array(batch.tokens[range]), segments: Array(batch.segments[range]),
                    offsets: range.map { _ in 0..<0 }, words: range.map { _ in nil },
                    isSpecial: range.map { _ in false })
            }, targets: targets)
    }

    @Test func aHeadForSeveralLabelsAnswersWithAProbabilityForEach() throws {
        let folder = try changed("bert") { $0["problem_type"] = "multi_label_classification" }
        #expect(try CheckpointHead(contentsOf: folder.url)?.objective == .multilabel)
        var model = try AdaptedModel(contentsOf: folder.url)
        try model.addCheckpointHead(as: "labels")
        var single = try AdaptedModel(contentsOf: Fixtures.url("heads/bert"))
        try single.addCheckpointHead(as: "label")
        let answer = try #require(try model.predict(["the team won"], task: "labels")[0].labelSet)
        let classes = try #require(try single.predict(["the team won"], task: "label")[0].classification)
        // The same logits: softmax of the log odds.
        let odds = answer.scores.map { $0.score / (1 - $0.score) }
        for (score, odds) in zip(classes.scores, odds.map({ $0 / odds.reduce(0, +) })) {
            #expect(abs(score.score - odds) < 1e-5)
        }
        #expect(answer.labels == answer.scores.filter { $0.score > 0.5 }.map(\.label))
    }

    @Test func aHeadForSeveralNumbersIsRefusedByName() throws {
        let folder = try changed("bert") { $0["problem_type"] = "regression" }
        #expect(try CheckpointHead(contentsOf: folder.url)?.objective == .regression)
        #expect(try refusal(folder).contains("field 'id2label' is 3 labels, expected one"))
    }

    @Test func whatDoesNotFitIsNamed() throws {
        let labels = try changed("bert") { $0["id2label"] = ["0": "a", "2": "b"] }
        #expect(try refusal(labels).contains("field 'id2label'"))
        let more = try changed("bert") { $0["id2label"] = ["0": "a", "1": "b"] }
        #expect(try refusal(more).contains("'classifier.weight' has shape [3, 16]"))
        let tags = try changed("bert-tokens") { $0["id2label"] = ["0": "O", "1": "noun", "2": "verb"] }
        #expect(try refusal(tags).contains("'id2label' is noun, expected tags"))
        let problem = try changed("bert") { $0["problem_type"] = "ranking" }
        #expect(try refusal(problem).contains("'problem_type' is ranking"))
    }

    @Test func aHeadOrPoolerThatIsMissingIsAnError() throws {
        for (missing, name) in [("classifier.weight", "bert"), ("bert.pooler.dense.bias", "bert")] {
            let folder = try changed(name) { _ in }
            let source = try SafetensorsFile(contentsOf: folder.appending("model.safetensors"))
            var writer = SafetensorsWriter()
            for tensor in source.names where tensor != missing { writer.add(try source.tensor(named: tensor)) }
            try writer.write(to: folder.appending("model.safetensors"))
            #expect(try refusal(folder).contains("has no tensor '\(missing)'"))
        }
    }

    @Test func modelsWithoutAHeadHaveNone() throws {
        #expect(try CheckpointHead(contentsOf: TinyEncoder.folder) == nil)
        let language = try changed("bert") { $0["architectures"] = ["BertForMaskedLM"] }
        #expect(try CheckpointHead(contentsOf: language.url) == nil)
    }

    // MARK: Training

    private static let texts = (0..<24).map { index in
        let (text, label) = index % 2 == 0 ? ("the team won", "sport") : ("shares of the bank fell", "business")
        return "{\"text\": \"\(text)\(index % 3 == 0 ? " today" : "")\", \"label\": \"\(label)\"}\n"
    }.joined()

    private func train(_ folder: URL, _ choice: HeadChoice) throws -> (TrainedTask, AdaptedModel) {
        var model = try AdaptedModel(contentsOf: folder)
        var options = TrainingOptions()
        (options.epochs, options.batchSize, options.learningRate) = (30, 8, 1e-2)
        let data = try DatasetFile("topics.jsonl", CheckpointHeadTests.texts).read()
        let trained = try model.train(
            "task", on: data, evaluatingOn: data, head: HeadRecipe(choice), recipe: AdapterRecipe(rank: 2, alpha: 4),
            options,
            baseModel: nil
        ) { _ in .more }
        return (trained, model)
    }

    @Test func theModelsOwnHeadIsTrainedOn() throws {
        let (trained, model) = try train(Fixtures.url("heads/bert"), .checkpoint)
        let head = try #require(trained.task.head)
        #expect(head.labels == ["sport", "business", "technology"])
        #expect(head.shape == HeadShape(dense: .init(.tanh), outputDropout: 0.1))
        var before = model
        try before.addCheckpointHead(as: "before")
        let start = try #require(before.tasks["before"]?.head)
        // All of it trains: nothing is left as it was at the start.
        for (name, values) in head.tensors { #expect(values != start.tensors[name], "\(name)") }
        guard case .classification(let metrics)? = trained.report.scores else { throw CocoaError(.coderInvalidValue) }
        #expect(metrics.accuracy == 1)
    }

    @Test func aHeadOfTheFamilysShapeStartsFromThePooler() throws {
        var (trained, model) = try train(Fixtures.url("encoder/tiny-bert"), .transformers)
        let head = try #require(trained.task.head)
        #expect(head.labels == ["business", "sport"])
        #expect(head.pooling == .cls)
        #expect(Set(head.tensors.keys) == ["weight", "bias", "dense.weight", "dense.bias"])
        let pooler = try SafetensorsFile(contentsOf: TinyEncoder.folder.appending(path: "model.safetensors"))
            .tensor(named: "pooler.dense.weight").floats()
        let moved = Closeness.relativeError(try #require(head.tensors["dense.weight"]).values, pooler)
        #expect(moved > 0 && moved < 0.5)

        let folder = try TemporaryFolder()
        try trained.task.write(to: folder.appending("task"), card: "")
        let texts: [TextInput] = ["the team won", "money and shares"]
        let answers = try model.predict(texts, task: "task").map(\.answer)
        try model.load("again", from: folder.appending("task"))
        #expect(try model.predict(texts, task: "again").map(\.answer) == answers)
    }

    @Test func aHeadForAnotherObjectiveOrNoneIsNotTrainedOn() throws {
        #expect(throws: TrainingError.otherHead(found: .tagging, expected: .classification)) {
            try train(Fixtures.url("heads/bert-tokens"), .checkpoint)
        }
        let none = #expect(throws: HeadError.self) { try train(TinyEncoder.folder, .checkpoint) }
        #expect(none?.description.contains("has no head of its own") == true)
    }
}
