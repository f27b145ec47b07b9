/// One stage of a run, for its report.
public struct StageRecord: Sendable, Equatable {
    /// Its name.
    public var name: String
    /// What trained, in words: "heads and adapters".
    public var trains: String
    /// What trained, by group.
    public var groups: [TrainedGroup]
    /// Epochs that were asked for, and that were done.
    public var epochs, epochsDone: Int
    /// The epoch whose state was kept, from 1; nil where none was finished.
    public var bestEpoch: Int?
    /// The headline score of each task at that epoch, by the task's name.
    public var scores: [String: Double]
    /// What the figure is called, by the task's name.
    public var metrics: [String: String]
    /// The share of the operations of full fine-tuning, forward and backward, that a step of its later epochs takes.
    public var cost: Double?
    /// The folder of its best state, as the user named it.
    public var folder: String?

    /// The given facts.
    public init(
        name: String, trains: String, groups: [TrainedGroup], epochs: Int, epochsDone: Int, bestEpoch: Int?,
        scores: [String: Double] = [:], metrics: [String: String] = [:], cost: Double? = nil, folder: String? = nil
    ) {
        (self.name, self.trains, self.groups) = (name, trains, groups)
        (self.epochs, self.epochsDone, self.bestEpoch) = (epochs, epochsDone, bestEpoch)
        (self.scores, self.metrics, self.cost, self.folder) = (scores, metrics, cost, folder)
    }

    /// Numbers that trained.
    public var parameters: Int { groups.reduce(0) { $0 + $1.parameters } }
}
