import Adapters
import Encoders

/// All that a run trains: tasks and their data, the adapters that they go through, and the stages.
public struct TrainingRun: Sendable {
    /// The tasks; the first is the one that single scores are of.
    public var tasks: [Task]
    /// The adapters that tasks name.
    public var adapters: [Adapter]
    /// How often the texts of each task are drawn.
    public var mixing = TaskMixing.proportional
    /// What trains, and how, one after the other.
    public var stages: [TrainingStage]

    /// The given parts.
    public init(
        tasks: [Task], adapters: [Adapter], mixing: TaskMixing = .proportional, stages: [TrainingStage]
    ) {
        (self.tasks, self.adapters, self.mixing, self.stages) = (tasks, adapters, mixing, stages)
    }

    /// One task.
    public struct Task: Sendable {
        /// Its name.
        public var name: String
        /// What it learns; nil: what the labels look made for, or what its saved head learned.
        public var objective: Objective?
        /// What it learns from; nil: it is only watched.
        public var training: Dataset?
        /// What it is scored on.
        public var evaluation: Dataset?
        /// Its head.
        public var head: TaskHead
        /// The adapter that it goes through, by name; nil: none.
        public var adapter: String?
        /// The weight of its loss.
        public var weight: Float = 1
        /// How far its headline figure may fall below that of its start before the run is stopped; nil: any far.
        public var maximumDrop: Double?

        /// A task with the usual settings for all else.
        public init(
            _ name: String, objective: Objective? = nil, training: Dataset?, evaluation: Dataset? = nil,
            head: TaskHead = .new(.linear), adapter: String?
        ) {
            (self.name, self.objective, self.training, self.evaluation) = (name, objective, training, evaluation)
            (self.head, self.adapter) = (head, adapter)
        }
    }

    /// Where a task's head comes from.
    public enum TaskHead: Sendable {
        /// A new one.
        case new(HeadRecipe)
        /// One that was trained before, with its values. Frozen, it keeps its bytes.
        case saved(HeadFiles, isFrozen: Bool)
    }

    /// One adapter, of one task or shared.
    public struct Adapter: Sendable {
        /// Its name.
        public var name: String
        /// What it is, and what it starts from.
        public var start: Start

        /// Where an adapter starts.
        public enum Start: Sendable {
            /// Anew, by a recipe.
            case new(AdapterRecipe)
            /// From one that was trained before.
            case saved(AdapterBundle)
        }

        /// The given parts.
        public init(_ name: String, _ start: Start) { (self.name, self.start) = (name, start) }
    }
}

/// What a run came to.
public struct TrainedRun: Sendable {
    /// The tasks, in the order of the run.
    public let tasks: [(name: String, task: TrainedTask)]
    /// How it went.
    public let report: TrainingReport
    /// What the run was a function of, for its folders; nil where it did not come to its end.
    public let record: TrainingRecord?
}

/// A run that came to a step without a finite loss or gradient. It can be used as far as it was good.
public struct DivergedTraining: Error, CustomStringConvertible {
    /// Where it was.
    public let divergence: Divergence
    /// The best state so far, or that before the step where no epoch was finished.
    public let lastGood: TrainedRun

    /// One line for people.
    public var description: String { divergence.description }
}
