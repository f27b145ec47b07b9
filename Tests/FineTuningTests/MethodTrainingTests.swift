import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Every method, trained: it learns, nothing but its parameters moves, its folder answers as it did, and switched off it leaves the
/// base.
@Suite struct MethodTrainingTests {
    private static let methods = AdapterMethods.names.map(\.name)

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
        var model = try AdaptedModel(contentsOf: TinyEncoder.folder, precision: precision)
        let (encoder, bits) = (model.encoder, model.encoder.frozenBits)
        let folder = try TemporaryFolder()
        let trained = try withExtendedLifetime(folder) {
            let named = try #require(AdapterMethods.names.first { $0.name == name })
            var settings = named.settings
            if name == "fusion" { settings["adapters"] = .list(try writeBottlenecks(into: folder, encoder)) }
            return try model.train(
                "task", on: MethodTrainingTests.data,
                recipe: AdapterRecipe(try named.method.init(MethodSettings(settings))), MethodTrainingTests.options,
                baseModel: nil
            ) { _ in .more }
        }
        #expect(model.encoder.frozenBits == bits && encoder.frozenBits == bits, "the base keeps its bytes")
        return (model, trained)
    }

    /// Two bottlenecks to fuse, as they start, and where they are.
    private func writeBottlenecks(
        into folder: TemporaryFolder, _ encoder: TransformerEncoder
    ) throws -> [MethodSettings.Value] {
        try [("news", UInt64(1)), ("films", 2)].map { name, seed in
            let recipe = AdapterRecipe(try PfeifferMethod(MethodSettings()))
            let (adapters, values) = try recipe.fresh(for: encoder, seed: seed)
            let bundle = AdapterBundle(recipe, trained: values, adapters, on: encoder, baseModel: nil)
            try FileManager.default.createDirectory(
                at: folder.appending(name), withIntermediateDirectories: true)
            try bundle.write(into: folder.appending(name))
            return .text(folder.appending(name).path(percentEncoded: false))
        }
    }

    @Test(arguments: methods, [Precision.float32, .bfloat16, .int8])
    func itLearnsAndItsFolderAnswersAsItDid(method: String, precision: Precision) throws {
        var (model, trained) = try trained(method, precision)
        let losses = trained.report.epochs.map(\.loss)
        #expect(try #require(losses.last) < #require(losses.first), "\(losses)")
        #expect(trained.report.unmoved.isEmpty)

        let folder = try TemporaryFolder()
        try trained.task.write(to: folder.appending("task"), card: "")
        let texts = MethodTrainingTests.texts.map { TextInput($0.0) }
        let answers = try model.predict(texts, task: "task").map(\.answer)
        try model.load("again", from: folder.appending("task"))
        #expect(try model.predict(texts, task: "again").map(\.answer) == answers)
        let (plain, adapted) = (try model.embed(texts), try model.embed(texts, task: "again"))
        #expect(adapted != plain)

        let registry = AdapterRegistry(model)
        try registry.disable("again")
        #expect(try registry.snapshot.embed(texts, task: "again") == plain)
        #expect(try registry.snapshot.embed(texts, task: "task") == adapted, "the other is at work")
        try registry.setAll(enabled: false)
        #expect(try registry.snapshot.embed(texts, task: "task") == plain)
        try registry.enable("again")
        #expect(try registry.snapshot.embed(texts, task: "again") == adapted)
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
