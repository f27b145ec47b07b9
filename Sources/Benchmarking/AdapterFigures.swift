import Adapters
import Encoders
import FineTuning
import Foundation
import Matrices

/// What adapters cost beside the encoder: loading one, answering with another, merging one. Median seconds.
package struct AdapterFigures: Sendable {
    /// Reading an adapter folder for an encoder in memory.
    package let load: Double
    /// Answering with another adapter than before: looking it up and gathering its values. No weight is copied.
    package let swap: Double
    /// Texts, tokens of each, and adapters of the mixed batch.
    package let mixedTexts, mixedTokens, mixedAdapters: Int
    /// Answers of one adapter to the texts, and of several, each text by one of them.
    package let singleBatch, mixedBatch: Double
    /// Batches of long texts and of short ones, mixed among 1, 4 and 64 adapters.
    package let mixtures: [Mixture]
    /// Texts that several tasks answer each, with adapters in all layers and in the upper half.
    package let manyTasks: [ManyTasks]
    /// Merging into weights in memory, packed and ready to compute.
    package let merge: Double
    /// Writing a merged model folder and proving that it does the same.
    package let writtenMerge: Double
    /// Bytes of the adapter folder.
    package let folderBytes: Int

    /// A batch of which each text is answered by one of some adapters.
    package struct Mixture: Sendable {
        package let texts, tokens, adapters: Int
        package let seconds: Double
    }

    /// Texts that each of some tasks answers.
    package struct ManyTasks: Sendable {
        package let texts, tokens, tasks: Int
        /// The lowest layer that the tasks' adapters change.
        package let lowestLayer: Int
        /// All tasks at once, and one after the other.
        package let together, oneByOne: Double
    }

    /// A task that was not trained: for one that was, nothing here takes longer or shorter.
    package static func freshTask(_ subject: BenchmarkSubject) throws -> TaskAdapter {
        var options = TrainingOptions()
        options.epochs = 1
        var model = subject.model
        let texts = try subject.texts.texts(count: 2, tokens: 16, model)
        let data = Dataset(texts.enumerated().map { Example($1.text, label: .name("\($0)")) })
        return try model.train("benchmark", on: data, recipe: subject.recipe, options, baseModel: nil) { _ in .more }
            .task
    }

    /// Measures with the given task, in a temporary folder of its own.
    package init(_ subject: BenchmarkSubject, _ task: TaskAdapter) throws {
        let temporary = FileManager.default.temporaryDirectory.appending(path: "graft-benchmark-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: temporary) }
        let folder = temporary.appending(path: "adapter")
        try task.write(to: folder, card: "# Made by graft benchmark\n")
        folderBytes = try FileManager.default.contentsOfDirectory(
            at: folder, includingPropertiesForKeys: [.fileSizeKey]
        )
        .reduce(0) { sum, file in sum + (try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0) }

        var model = subject.model
        let repetition = subject.repetition
        load = try repetition.median { try model.load("a", from: folder) }
        let names = ["a", "b", "c", "d"]
        for name in names { model.add(name, task) }
        var turn = 0
        swap = repetition.median {
            turn += 1
            guard let task = model.tasks[names[turn % names.count]] else { return }
            _ = (task.adapters, task.parameters, task.head?.head)
        }
        let tokens = min(128, subject.maximumTokens, model.maximumTokens)
        let texts = try subject.texts.texts(count: 32, tokens: tokens, model)
        (mixedTexts, mixedTokens, mixedAdapters) = (texts.count, tokens, names.count)
        singleBatch = try repetition.median { _ = try model.predict(texts, task: "a") }
        let mixed = texts.enumerated().map { (text: $1, task: names[$0 % names.count]) }
        mixedBatch = try repetition.median { _ = try model.predict(mixed) }
        mixtures = try AdapterFigures.mixtures(subject, task)
        manyTasks = try AdapterFigures.manyTasks(subject, task)
        merge = try repetition.median {
            _ = try model.encoder.merging(task.adapters, task.parameters)
        }
        writtenMerge = try repetition.median {
            _ = try Merge(model, base: subject.folder).write(
                "a", to: temporary.appending(path: "merged"), samples: Merge.sampleTexts)
        }
    }

    /// Tasks with fresh adapters of their own, called "0", "1", …, and the head of `task`.
    private static func tasks(
        _ count: Int, _ recipe: AdapterRecipe, _ subject: BenchmarkSubject, _ task: TaskAdapter
    ) throws -> AdaptedModel {
        var model = subject.model
        for index in 0..<count {
            let (adapters, values) = try recipe.fresh(for: model.encoder, seed: UInt64(index))
            let bundle = AdapterBundle(recipe, trained: values, adapters, on: model.encoder, baseModel: nil)
            model.add("\(index)", TaskAdapter(bundle: bundle, head: task.head))
        }
        return model
    }

    private static func mixtures(_ subject: BenchmarkSubject, _ task: TaskAdapter) throws -> [Mixture] {
        let model = try tasks(64, subject.recipe, subject, task)
        return try [(64, 128), (256, 16)].flatMap { count, tokens in
            let tokens = min(tokens, subject.maximumTokens, model.maximumTokens)
            let texts = try subject.texts.texts(count: count, tokens: tokens, model)
            return try [1, 4, 64].map { adapters in
                let requests = texts.enumerated().map { (text: $1, task: "\($0 % adapters)") }
                let seconds = try subject.repetition.median { _ = try model.predict(requests) }
                return Mixture(texts: count, tokens: tokens, adapters: adapters, seconds: seconds)
            }
        }
    }

    private static func manyTasks(_ subject: BenchmarkSubject, _ task: TaskAdapter) throws -> [ManyTasks] {
        let layers = subject.model.encoder.config.distinctLayers
        return try [0, layers / 2].flatMap { lowest in
            var recipe = subject.recipe
            recipe.layers = lowest == 0 ? nil : Array(lowest..<layers)
            let model = try tasks(4, recipe, subject, task)
            let names = (0..<4).map { "\($0)" }
            return try [(32, 128), (1, 16)].map { count, tokens in
                let tokens = min(tokens, subject.maximumTokens, model.maximumTokens)
                let texts = try subject.texts.texts(count: count, tokens: tokens, model)
                let together = try subject.repetition.median {
                    try model.predict(texts, tasks: names, each: { $0 }, deliver: { _ in })
                }
                let oneByOne = try subject.repetition.median {
                    for name in names { _ = try model.predict(texts, task: name) }
                }
                return ManyTasks(
                    texts: count, tokens: tokens, tasks: names.count, lowestLayer: lowest, together: together,
                    oneByOne: oneByOne)
            }
        }
    }
}
