/// One of the tasks of a training run: its head, its texts, and its way through the encoder.
public struct TrainingTask: Sendable {
    /// Its name, unlike those of the other tasks of the run.
    public var name: String
    /// Its kind, and the layers that answer.
    public var head: any Head
    /// Whether the head keeps its bytes. Losses still reach the adapters through it.
    public var isHeadFrozen: Bool
    /// Which of the run's adapter sets its texts go through: tasks of the same one share it, and one pass of the encoder.
    public var route: Int
    /// What it learns from; nil: it is only watched.
    public var training: TrainingTexts?
    /// What it is scored on.
    public var evaluation: TrainingTexts?
    /// The weight of its loss.
    public var weight: Float
    /// How far its score may fall below that of its start before the run is stopped; nil: any far.
    public var maximumDrop: Double?
    /// What its examples come from: tasks of one source, with as many examples, are always drawn together, so that a text that
    /// they share is computed once. Nil: it is drawn for itself.
    public var source: String?

    /// A task that trains on texts of its own, unless said otherwise.
    public init(
        _ name: String, head: any Head, isHeadFrozen: Bool = false, route: Int = 0, training: TrainingTexts?,
        evaluation: TrainingTexts? = nil, weight: Float = 1, maximumDrop: Double? = nil, source: String? = nil
    ) {
        (self.name, self.head, self.isHeadFrozen, self.route) = (name, head, isHeadFrozen, route)
        (self.training, self.evaluation, self.weight) = (training, evaluation, weight)
        (self.maximumDrop, self.source) = (maximumDrop, source)
    }
}
