import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices
import TestSupport
import Testing

/// Adapters of several methods, trained together: they learn, stop and go on, and their folder does what every task's does.
@Suite struct MethodPartsTrainingTests {
    private static let texts = [
        ("the team won", "sport"), ("shares fell", "business"), ("a goal by the player", "sport"),
        ("the bank lost money", "business"), ("the coach and the team", "sport"), ("sales rose", "business"),
        ("they won the game", "sport"), ("the price of shares", "business"),
    ]

    private static let data = Dataset((0..<4).flatMap { _ in texts.map { Example($0.0, label: .name($0.1)) } })

    private static var options: TrainingOptions {
        var options = TrainingOptions()
        (options.epochs, options.batchSize, options.learningRate) = (5, 8, 1e-2)
        return options
    }

    private let folder: TemporaryFolder
    private let inputs = MethodPartsTrainingTests.texts.map { TextInput($0.0) }

    init() throws { folder = try TemporaryFolder() }

    /// (IA)³ below LoRA with dropout; with bottlenecks behind the blocks above, if wanted.
    private func recipe(withBottlenecks: Bool = false) throws -> AdapterRecipe {
        var recipe = AdapterRecipe(LoRAMethod(rank: 2, alpha: 4, dropoutRate: 0.1))
        recipe.parts = [.init(IA3Method(), layers: [0]), .init(targets: .names(["query", "value"]), layers: [1])]
        if withBottlenecks {
            recipe.parts.append(
                .init(try PfeifferMethod(MethodSettings(["reduction_factor": .number(4)])), layers: [1]))
        }
        return recipe
    }

    private func train(
        _ model: inout AdaptedModel, withBottlenecks: Bool = false, threads: Int = 2,
        _ checkpoints: TrainingCheckpoints? = nil, until step: Int? = nil
    ) throws -> TrainedTask {
        let before = Parallel.threads
        defer { Parallel.threads = before }
        Parallel.threads = threads
        return try model.train(
            "task", on: MethodPartsTrainingTests.data, recipe: recipe(withBottlenecks: withBottlenecks),
            MethodPartsTrainingTests.options, baseModel: "tiny", checkpoints: checkpoints
        ) { progress in
            if case .step(let progress) = progress, progress.step == step { .stop } else { .more }
        }
    }

    private func model(_ precision: Precision = .float32) throws -> AdaptedModel {
        try AdaptedModel(contentsOf: TinyEncoder.folder, precision: precision)
    }

    @Test(arguments: [false, true], [Precision.float32, .bfloat16, .int8])
    func theyLearnAndTheirFolderAnswersAsTheyDid(withBottlenecks: Bool, precision: Precision) throws {
        var model = try model(precision)
        let trained = try train(&model, withBottlenecks: withBottlenecks)
        let losses = trained.report.epochs.map(\.loss)
        #expect(try #require(losses.last) < #require(losses.first), "\(losses)")
        #expect(trained.report.unmoved.isEmpty)
        try trained.task.write(to: folder.appending("task"), card: "")
        try model.load("again", from: folder.appending("task"))
        #expect(
            try model.predict(inputs, task: "again").map(\.answer) == model.predict(inputs, task: "task").map(\.answer))
        #expect(try model.embed(inputs, task: "again") == model.embed(inputs, task: "task"))
        #expect(try model.embed(inputs, task: "again") != model.embed(inputs))
        // In place of what was there, whole.
        try trained.task.write(to: folder.appending("task"), card: "")
    }

    @Test func theSameSeedGivesTheSameBytesOnAnyNumberOfThreadsAndWhereItWasResumed() throws {
        let file = folder.appending("run.safetensors")
        var bytes: [[Float]] = []
        for threads in [1, 3] {
            var model = try model()
            bytes.append(try train(&model, withBottlenecks: true, threads: threads).task.parameters.values)
        }
        var model = try model()
        let stopped = try train(&model, withBottlenecks: true, TrainingCheckpoints(in: file, everySteps: 3), until: 9)
        #expect(stopped.report.isInterrupted)
        let resumed = try train(&model, withBottlenecks: true, TrainingCheckpoints(in: file, resuming: true))
        #expect(!resumed.report.isInterrupted)
        bytes.append(resumed.task.parameters.values)
        #expect(bytes[0] == bytes[1] && bytes[0] == bytes[2])
        // A run with other parts is another run.
        _ = try train(&model, withBottlenecks: true, TrainingCheckpoints(in: file, everySteps: 3), until: 9)
        #expect(throws: TrainingCheckpointError.self) {
            try train(&model, TrainingCheckpoints(in: file, resuming: true))
        }
    }

    /// Training goes on from a folder in parts, with layers unfrozen beside them, and comes to such a folder again.
    @Test func trainingGoesOnFromTheirFolder() throws {
        var model = try model()
        try train(&model).task.write(to: folder.appending("task"), card: "")
        let saved = try TaskAdapter(contentsOf: folder.appending("task"), for: model.encoder)
        let run = TrainingRun(
            tasks: [.init("next", training: MethodPartsTrainingTests.data, adapter: "old")],
            adapters: [.init("old", .saved(try #require(saved.bundle)))],
            stages: [
                TrainingStage(
                    "on", trains: .init(heads: true, adapters: true, layers: [1]), MethodPartsTrainingTests.options)
            ])
        let plan = try model.plan(run)
        #expect(plan.adapters[0].modules.map(\.part) == Array(repeating: "0-ia3", count: 4) + ["1-lora", "1-lora"])
        #expect(plan.adapters[0].matches.contains { $0.field == "parts[1].target_modules" && $0.modules == 1 })
        let trained = try model.train(run, baseModel: "tiny") { _, _ in .more }
        try trained.tasks[0].task.task.write(to: folder.appending("next"), card: "")
        let (old, new) = (saved.parameters, trained.tasks[0].task.task.parameters)
        for parameter in saved.adapters.parameters { #expect(new[parameter] != old[parameter], "\(parameter.name)") }
        try model.load("again", from: folder.appending("next"))
        model.add("next", trained.tasks[0].task.task)
        #expect(try model.embed(inputs, task: "again") == model.embed(inputs, task: "next"))
    }

    // MARK: Beside other tasks

    @Test func aRegistryWeighsMergesAndSwitchesThemOff() throws {
        var model = try model()
        let task = try train(&model).task
        let registry = AdapterRegistry(try self.model())
        try registry.add("task", task)
        #expect(registry.entries[0].what.contains("(IA)³ on") && registry.entries[0].what.contains(" + LoRA of rank 2"))
        try registry.disable("task")
        #expect(try registry.snapshot.embed(inputs, task: "task") == model.embed(inputs))
        try registry.enable("task")
        #expect(try registry.snapshot.embed(inputs, task: "task") == model.embed(inputs, task: "task"))
        try registry.setScale(0.5, of: "task")
        #expect(try registry.snapshot.embed(inputs, task: "task") != model.embed(inputs, task: "task"))
    }

    @Test func theyAreCombinedAsTheyAreOrByTheirChangesOfWeights() throws {
        var model = try model()
        let task = try train(&model).task
        let bundle = try #require(task.bundle)
        let same = try Combining(.svd).combine([.init("task", bundle, weight: 1)], on: model.encoder)
        #expect(same.bundle.parts.map(\.name) == ["0-ia3", "1-lora"])
        let half = try Combining(.svd, rank: 32).combine([.init("task", bundle, weight: 0.5)], on: model.encoder)
        #expect(half.relativeError < 1e-6 && half.bundle.parts.isEmpty)

        var other = try self.model()
        let mixed = try #require(try train(&other, withBottlenecks: true).task.bundle)
        let error = #expect(throws: CombiningError.self) {
            try Combining(.svd).combine([.init("task", mixed, weight: 0.5)], on: model.encoder)
        }
        guard case .noChangeOfWeights(adapter: "task", _) = error else {
            Issue.record("\(String(describing: error))"); return
        }
    }

    @Test func someLayersAreMergedAndTheRestStaysInItsParts() throws {
        var model = try model()
        try train(&model).task.write(to: folder.appending("task"), card: "")
        try model.load("read", from: folder.appending("task"))
        let merge = Merge(model, base: TinyEncoder.folder)
        let certificate = try merge.write(
            "read", layers: [1], to: folder.appending("merged"), rest: folder.appending("rest"), card: "",
            samples: inputs)
        #expect(certificate.holds)
        // Of two parts one is left, which is a folder of PEFT's as any.
        #expect(FileManager.default.fileExists(atPath: folder.appending("rest/adapter_config.json").path))
        let rest = try AdapterBundle(
            contentsOf: folder.appending("rest"), for: AdaptedModel(contentsOf: folder.appending("merged")).encoder)
        #expect(rest.configuration.method is IA3Method)
        // A task's folder in parts is not taken for a merged model.
        #expect(throws: (any Error).self) {
            try merge.write("read", to: folder.appending("task"), samples: inputs)
        }
        #expect(try model.embed(inputs, task: "read") == model.embed(inputs, task: "task"))
    }
}
