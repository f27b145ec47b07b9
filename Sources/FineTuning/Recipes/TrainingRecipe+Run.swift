import Adapters
import Encoders
import Foundation

extension TrainingRecipe {
    /// The data of one task.
    public struct TaskData: Sendable {
        /// What it learns from; nil: it is only watched.
        public var training: Dataset?
        /// What it is scored on.
        public var evaluation: Dataset?
    }

    /// Reads the data files of all tasks, in the order of the tasks.
    ///
    /// - Throws: ``DataError`` naming the file and the line.
    public func readData() throws(DataError) -> [TaskData] {
        let seed = stages.first?.options.seed ?? unfreezing?.options.seed ?? 0
        var data: [TaskData] = []
        for task in tasks {
            var own = TaskData()
            if let file = task.training {
                let all = try Dataset(contentsOf: file, fields: task.fields)
                own.training = task.limit.map { all.shuffled(seed: seed).prefix($0) } ?? all
            }
            if let file = task.evaluation { own.evaluation = try Dataset(contentsOf: file, fields: task.fields) }
            data.append(own)
        }
        return data
    }

    /// The objective of each task whose head is new: as the recipe says, or as the labels look made for. Nil where the head is
    /// from a folder, which says it.
    public func objectives(_ data: [TaskData]) -> [Objective?] {
        zip(tasks, data).map { task, data in
            guard case .new = task.head else { return task.objective }
            return task.objective ?? data.training?.guessedObjective ?? .classification
        }
    }

    /// The run that this is on a model, with the data that ``readData()`` gave; heads and adapters that are from folders are read.
    ///
    /// - Throws: ``RecipeError`` for a layer that the encoder does not have, or a folder that lacks what is wanted of it;
    ///   ``TaskAdapterError`` for one that cannot be read.
    public func run(on model: AdaptedModel, _ data: [TaskData]) throws -> TrainingRun {
        precondition(data.count == tasks.count, "each task has its data")
        let encoder = model.encoder
        let adapters = try adapters.map { adapter in
            switch adapter.start {
            case .new(let recipe): return TrainingRun.Adapter(adapter.name, .new(recipe))
            case .folder(let url):
                guard let bundle = try TaskAdapter(contentsOf: url, for: encoder).bundle else {
                    throw RecipeError(
                        file, at: RecipeNode.path("adapters", adapter.name) + ".from",
                        .conflict("the folder \(url.relativePath) has a head, but no adapter to go on from"))
                }
                return TrainingRun.Adapter(adapter.name, .saved(bundle))
            }
        }
        let objectives = objectives(data)
        let tasks = try tasks.enumerated().map { index, task in
            var run = TrainingRun.Task(
                task.name, objective: objectives[index], training: data[index].training,
                evaluation: data[index].evaluation, adapter: task.adapter)
            switch task.head {
            case .new(let recipe): run.head = .new(recipe)
            case .folder(let url, let isFrozen):
                guard let files = try TaskAdapter(contentsOf: url, for: encoder).head else {
                    throw RecipeError(
                        file, at: RecipeNode.path("tasks", task.name) + ".head.from",
                        .conflict("the folder \(url.relativePath) has an adapter, but no head"))
                }
                run.head = .saved(files, isFrozen: isFrozen)
            }
            (run.weight, run.maximumDrop) = (task.weight, task.maximumDrop)
            return run
        }
        return TrainingRun(
            tasks: tasks, adapters: adapters, mixing: mixing,
            stages: try stages(layers: encoder.config.distinctLayers))
    }
}
