import Adapters
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
    /// Merging into weights in memory, packed and ready to compute.
    package let merge: Double
    /// Writing a merged model folder and proving that it does the same.
    package let writtenMerge: Double
    /// Bytes of the adapter folder.
    package let folderBytes: Int

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
        merge = try repetition.median {
            _ = try model.encoder.merging(task.adapters, task.parameters)
        }
        writtenMerge = try repetition.median {
            _ = try Merge(model, base: subject.folder).write(
                "a", to: temporary.appending(path: "merged"), samples: Merge.sampleTexts)
        }
    }
}
