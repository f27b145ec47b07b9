import Files

/// What can go wrong in training.
public enum TrainingError: Error, Sendable, Equatable {
    /// The loss of a step, or its gradient, is infinite or not a number.
    case diverged(Divergence)
    /// Nothing trains in a stage.
    case nothingTrains(stage: String)
    /// A new head trains in no stage.
    case untrainedHead(task: String)
    /// Two tasks have one name.
    case twice(task: String)
    /// No task has texts to learn from.
    case noTrainingData
    /// A task goes through an adapter that the run does not have.
    case noSuchAdapter(String, task: String, adapters: [String])
    /// Parameters that train have not moved in the steps so far.
    case unmoved([Unmoved], steps: Int)
    /// No task that learns has a score of that name.
    case noSuchMetric(String, metrics: [String])
    /// What is frozen has not kept its bits: parameters or modules of the encoder.
    case frozenMoved([String])
    /// The model folder's own head is for another objective.
    case otherHead(found: Objective, expected: Objective)
    /// A checkpoint could not be written.
    case checkpoint(TrainingCheckpointError)
    /// The features of frozen layers could not be kept.
    case features(FilesError)

    /// A parameter that should have moved.
    public struct Unmoved: Sendable, Equatable {
        /// Its name.
        public let name: String
        /// Whether a gradient reached it: then its rate is too low to change it.
        public let hadGradient: Bool

        /// The given facts.
        public init(name: String, hadGradient: Bool) { (self.name, self.hadGradient) = (name, hadGradient) }
    }
}

extension TrainingError: CustomStringConvertible {
    /// One line for people.
    public var description: String {
        switch self {
        case .diverged(let divergence): divergence.description
        case .noSuchMetric(let name, let metrics):
            "no task that is trained and evaluated has a score '\(name)'; "
                + (metrics.isEmpty ? "give it data to evaluate on" : "there are \(metrics.joined(separator: ", "))")
        case .nothingTrains(let stage):
            "there is nothing to train in stage '\(stage)': all that it trains is frozen or not there; "
                + "train heads, adapters or layers, or use embed and predict, which train nothing"
        case .untrainedHead(let task):
            "the head of task '\(task)' is new and would stay untrained; "
                + "give the task texts to learn from and a stage that trains heads, or a head that was trained before"
        case .twice(let task): "two tasks are called '\(task)'; give each a name of its own"
        case .noTrainingData: "no task has texts to learn from; give one of them training data"
        case .noSuchAdapter(let name, let task, let adapters):
            "task '\(task)' goes through adapter '\(name)', which is not among the run's: "
                + (adapters.isEmpty ? "there are none" : adapters.joined(separator: ", "))
        case .unmoved(let parameters, let steps):
            "after \(steps) steps, "
                + [(false, "no gradient has reached"), (true, "the learning rate is too low to have moved")]
                .compactMap { hadGradient, words in
                    let names = parameters.filter { $0.hadGradient == hadGradient }.map(\.name)
                    return names.isEmpty ? nil : "\(words) \(names.joined(separator: ", "))"
                }.joined(separator: "; ") + "; train without, or give it a higher rate"
        case .frozenMoved(let names):
            "frozen numbers have changed in memory: \(names.joined(separator: ", ")); nothing was kept, please report this"
        case .otherHead(let found, let expected):
            "the model's own head is for \(found.rawValue), the data for \(expected.rawValue);"
                + " train a head that starts anew (--head linear or transformers)"
        case .checkpoint(let error): "\(error)"
        case .features(let error):
            "what the frozen layers give cannot be kept: \(error); "
                + "set TMPDIR to a folder with more room, or turn the feature cache off"
        }
    }
}
