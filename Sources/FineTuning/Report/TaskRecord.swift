/// One task of a run, for its report.
public struct TaskRecord: Sendable {
    /// Its name.
    public var name: String
    /// What it learned.
    public var objective: Objective
    /// What its head is: "a linear head over 5 labels".
    public var head: String
    /// What it trained on; nil where it was only watched.
    public var training: Texts?
    /// What it was scored on.
    public var evaluation: Texts?
    /// Scores of the state that was kept, nil without evaluation data.
    public var scores: Scores?
    /// How it compares with its head trained alone on the frozen encoder.
    public var baseline: BaselineRecord?
    /// What it answered to each evaluation text; empty where that was not asked.
    public var outcomes: [ExampleOutcome] = []
    /// The folder it was written to, as the user named it.
    public var folder: String?

    /// A data file and the number of its texts.
    public struct Texts: Sendable, Equatable {
        /// The file's name.
        public var file: String
        /// The number of its texts.
        public var count: Int

        /// The given file.
        public init(file: String, count: Int) { (self.file, self.count) = (file, count) }
    }

    /// The given facts.
    public init(
        name: String, objective: Objective, head: String, training: Texts?, evaluation: Texts?, scores: Scores?
    ) {
        (self.name, self.objective, self.head) = (name, objective, head)
        (self.training, self.evaluation, self.scores) = (training, evaluation, scores)
    }
}
