import Adapters
import Foundation
import Matrices

/// All that a run of `graft train` is: what a recipe file says, or a command line. What every field of the file means:
/// `docs/guides/recipes.md`.
public struct TrainingRecipe: Sendable {
    /// The recipe's file as it was named, for errors; nil: there is none.
    public var file: String?
    /// The encoder: a folder, or a Hub id.
    public var model: String
    /// Where results go: a folder for each task in it; with ``isOneFolder``, that of the only task.
    public var output: URL
    /// Whether the output is the only task's own folder.
    public var isOneFolder = false
    /// How the frozen weights are kept; nil: what the processor computes best in.
    public var precision: Precision?
    /// The adapters that tasks go through.
    public var adapters: [Adapter] = []
    /// The tasks, at least one.
    public var tasks: [Task]
    /// How often the texts of each task are drawn.
    public var mixing = TaskMixing.proportional
    /// What trains, and how, one after the other; seed and maximum tokens are the same in all.
    public var stages: [TrainingStage]
    /// Whether heads are trained alone too, to be compared with.
    public var comparesWithHeads = false
    /// Stages that follow these: layers that are unfrozen one after the other.
    public var unfreezing: GradualUnfreezing?

    /// The given parts.
    public init(model: String, output: URL, tasks: [Task], adapters: [Adapter] = [], stages: [TrainingStage]) {
        (self.model, self.output, self.tasks) = (model, output, tasks)
        (self.adapters, self.stages) = (adapters, stages)
    }

    /// An adapter by name.
    public struct Adapter: Sendable {
        /// Its name.
        public var name: String
        /// Where it starts.
        public var start: Start

        /// Where an adapter starts.
        public enum Start: Sendable, Equatable {
            /// Anew.
            case new(AdapterRecipe)
            /// From the adapters of a folder.
            case folder(URL)
        }

        /// The given parts.
        public init(_ name: String, _ start: Start) { (self.name, self.start) = (name, start) }
    }

    /// A task.
    public struct Task: Sendable {
        /// Its name, and that of its folder.
        public var name: String
        /// What it learns from; nil: it is only watched.
        public var training: URL?
        /// What it is scored on.
        public var evaluation: URL?
        /// Learn from so many texts alone, drawn at random by the seed.
        public var limit: Int?
        /// What the data files call their fields.
        public var fields = Dataset.Fields()
        /// What it learns; nil: what its labels look made for.
        public var objective: Objective?
        /// The adapter that it goes through; nil: none.
        public var adapter: String?
        /// Its head.
        public var head = Head.new(.linear)
        /// The weight of its loss.
        public var weight: Float = 1
        /// How far its score may fall below that of its start before the run is stopped; nil: any far.
        public var maximumDrop: Double?

        /// A task with the usual settings.
        public init(_ name: String, training: URL?, evaluation: URL? = nil, adapter: String? = nil) {
            (self.name, self.training, self.evaluation, self.adapter) = (name, training, evaluation, adapter)
        }
    }

    /// Where a task's head comes from.
    public enum Head: Sendable, Equatable {
        /// A new one, with its loss.
        case new(HeadRecipe)
        /// The head of a folder. Frozen, it keeps its bytes.
        case folder(URL, isFrozen: Bool)
    }

    /// All stages on an encoder of so many layers of its own.
    ///
    /// - Throws: ``RecipeError`` for a layer that the encoder does not have.
    public func stages(layers count: Int) throws(RecipeError) -> [TrainingStage] {
        let all = stages + (unfreezing?.stages(layers: count) ?? [])
        for (index, stage) in all.enumerated() {
            if all[..<index].contains(where: { $0.name == stage.name }) {
                throw RecipeError(
                    file, at: "stages",
                    .conflict("'\(stage.name)' is also what 'unfreeze' calls one of its stages; choose another name"))
            }
            guard let layer = stage.trains.layers.max(), layer >= count else { continue }
            let field = index < stages.count ? "stages[\(index)].train" : "unfreeze.layers"
            throw RecipeError(
                file, at: field,
                .invalid(found: "layer \(layer)", expected: "layers from 0 to \(count - 1), as the encoder has"))
        }
        return all
    }
}
