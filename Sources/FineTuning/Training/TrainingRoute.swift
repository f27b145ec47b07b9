import Encoders

/// A way through the encoder that some tasks of a run share: what of the encoder is changed there.
public struct TrainingRoute: Sendable {
    /// Its name, unlike those of the other routes of the run.
    public let name: String
    /// All that changes the encoder in the last stage.
    public var adapters: AdapterSet { stages[stages.count - 1] }

    /// All that changes the encoder in each stage: what earlier stages have changed is still there.
    private let stages: [AdapterSet]

    /// A route whose adapters are the same in all stages.
    public init(_ name: String, _ adapters: AdapterSet) { (self.name, stages) = (name, [adapters]) }

    /// A route of which more and more changes from stage to stage.
    public init(_ name: String, stages: [AdapterSet]) {
        precondition(!stages.isEmpty, "a run has a stage")
        (self.name, self.stages) = (name, stages)
    }

    /// What changes the encoder in a stage, from 0.
    func adapters(in stage: Int) -> AdapterSet { stages[min(stage, stages.count - 1)] }
}
