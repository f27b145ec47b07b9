import Adapters
import Encoders
import Foundation

/// Makes one task of several on the same model: adapters combined, heads chosen, and how near the result is to what the method
/// means, measured on texts.
public struct TaskCombination: Sendable {
    /// The model with the tasks.
    public let model: AdaptedModel
    /// How adapters are combined.
    public var combining: Combining
    /// Which head the new task has.
    public var head: CombinedHead

    /// A combination of tasks of `model`.
    public init(_ model: AdaptedModel, _ combining: Combining, head: CombinedHead = .only) {
        (self.model, self.combining, self.head) = (model, combining, head)
    }

    /// The new task, and what is to be said of it.
    public struct Outcome: Sendable {
        /// The new task.
        public let task: TaskAdapter
        /// The maps and their errors; nil where no task has adapters.
        public let combination: Combination?
        /// The difference between the new task, and the same head on an encoder with the very change of weights that the method
        /// means; nil where one adapter came out as it is.
        public let difference: OutputDifference?
    }

    /// Combines the tasks of these names, each with its weight.
    ///
    /// - Parameter samples: texts to compare on.
    /// - Throws: ``CombiningError``, ``CombinedHeadError``, or ``PredictionError`` for a task that is not there.
    public func combine(_ parts: [(task: String, weight: Double)], samples: [TextInput]) throws -> Outcome {
        var tasks: [(name: String, task: TaskAdapter, weight: Double)] = []
        for (name, weight) in parts { tasks.append((name, try model.task(name), weight)) }
        guard !tasks.isEmpty else { throw CombiningError.nothingToCombine }
        let head = try head.head(of: tasks.map { ($0.name, $0.task.head, $0.weight) }, on: model.encoder)
        let adapters = tasks.compactMap { part in
            part.task.bundle.map { Combining.Part(part.name, $0, weight: part.weight) }
        }
        guard !adapters.isEmpty else {
            guard let head else { throw CombiningError.nothingLeft }
            return Outcome(task: TaskAdapter(bundle: nil, head: head), combination: nil, difference: nil)
        }
        let combination = try combining.combine(adapters, on: model.encoder)
        let task = task(combination, head, tasks.map(\.task))
        return Outcome(
            task: task, combination: combination, difference: try difference(task, combination, head, samples))
    }

    /// The new adapter and the head; in PEFT's files too, where that of a task was there.
    private func task(_ combination: Combination, _ head: HeadFiles?, _ tasks: [TaskAdapter]) -> TaskAdapter {
        var bundle = combination.bundle
        if bundle.taskHead != nil {
            // One adapter as it is; its head may be another now.
            if head == tasks[0].head { return tasks[0] }
            bundle = bundle.holding(bundle.adapters, bundle.parameters)
        }
        let task = TaskAdapter(bundle: bundle, head: head)
        let isOfTaskModel = tasks.contains { $0.bundle?.taskHead != nil && $0.head == head }
        guard isOfTaskModel, let head, let saved = model.taskModels.saved(head) else { return task }
        return task.asTaskModel(saved, on: model.encoder, baseModel: bundle.configuration.baseModel)
    }

    private func difference(
        _ task: TaskAdapter, _ combination: Combination, _ head: HeadFiles?, _ samples: [TextInput]
    ) throws -> OutputDifference? {
        guard let encoder = combination.meantEncoder(of: model.encoder) else { return nil }
        var made = model.replacing(model.encoder)
        made.add("combination", task)
        var meant = model.replacing(encoder)
        if let head { meant.add("combination", TaskAdapter(bundle: nil, head: head)) }
        return try OutputDifference(made, "combination", meant, head == nil ? nil : "combination", on: samples)
    }
}
