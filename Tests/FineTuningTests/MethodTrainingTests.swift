import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Every method, trained: it learns, nothing but its parameters moves, and its folder answers as it did.
@Suite struct MethodTrainingTests {
    /// Methods that need no setting; fusion needs adapters to fuse.
    private static let methods = AdapterMethods.all.filter { (try? $0.init(MethodSettings())) != nil }.map { $0.name }

    private static let texts = [
        ("the team won", "sport"), ("shares fell", "business"), ("a goal by the player", "sport"),
        ("the bank lost money", "business"), ("the coach and the team", "sport"), ("sales rose", "business"),
        ("they won the game", "sport"), ("the price of shares", "business"),
    ]

    private static let data = Dataset(
        (0..<4).flatMap { _ in texts.map { Example($0.0, label: .name($0.1)) } })

    private static var options: TrainingOptions {
        var options = TrainingOptions()
        (options.epochs, options.batchSize, options.learningRate) = (6, 8, 1e-2)
        options.dropsInsideEncoder = false
        return options
    }

    private func trained(
        _ name: String, _ precision: Precision = .float32
    ) throws -> (model: AdaptedModel, trained: TrainedTask) {
        let method = try #require(AdapterMethods.named(name))
        let recipe = AdapterRecipe(try method.init(MethodSettings()))
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder, precision: precision)
        let trained = try model.train(
            "task", on: MethodTrainingTests.data, recipe: recipe, MethodTrainingTests.options, baseModel: nil
        ) { _ in .more }
        return (model, trained)
    }

    @Test(arguments: methods, [Precision.float32, .bfloat16, .int8])
    func itLearnsAndItsFolderAnswersAsItDid(method: String, precision: Precision) throws {
        var (model, trained) = try trained(method, precision)
        let losses = trained.report.epochs.map(\.loss)
        #expect(try #require(losses.last) < #require(losses.first), "\(losses)")
        #expect(trained.report.unmoved.isEmpty)
        #expect(try TransformerEncoder(contentsOf: TinyEncoder.folder).fingerprint == model.encoder.fingerprint)

        let folder = try TemporaryFolder()
        try trained.task.write(to: folder.appending("task"), card: "")
        let texts = MethodTrainingTests.texts.map { TextInput($0.0) }
        let answers = try model.predict(texts, task: "task").map(\.answer)
        try model.load("again", from: folder.appending("task"))
        #expect(try model.predict(texts, task: "again").map(\.answer) == answers)
        #expect(try model.embed(texts, task: "again") != model.embed(texts))
    }

    @Test(arguments: methods)
    func theSameSeedGivesTheSameBytesOnAnyNumberOfThreads(method: String) throws {
        let threads = Parallel.threads
        defer { Parallel.threads = threads }
        var values: [[Float]] = []
        for count in [1, 3] {
            Parallel.threads = count
            values.append(try trained(method).trained.task.parameters.values)
        }
        #expect(values[0] == values[1])
    }
}
