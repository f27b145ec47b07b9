import Foundation

/// All that a training run came to, as `report.html` shows it.
public struct RunRecord: Sendable {
    /// What the run is called: the output folder's name.
    public var name: String
    /// The base model's Hub id or folder name.
    public var baseModel: String
    /// What the base is, in a few words: "BERT of 6 layers, 384 wide".
    public var encoder: String
    /// The numbers of the encoder.
    public var encoderParameters: Int
    /// The program that ran it, with its version.
    public var program: String
    /// The command that makes the outcome again.
    public var command: String
    /// Every setting, under headings.
    public var settings: [SettingGroup] = []
    /// The tasks in the order of the run.
    public var tasks: [TaskRecord]
    /// The stages in their order; at least one.
    public var stages: [StageRecord]
    /// Every step.
    public var steps: [StepRecord]
    /// Every evaluation of every task.
    public var evaluations: [EvaluationRecord]
    /// Seconds from the start of the program, or of its resumption, to the end.
    public var seconds: Double
    /// The most memory that the program had at a time, in bytes.
    public var peakMemory: Int
    /// The machine: kernels, threads, precision.
    public var machine: String
    /// The stage whose state was kept, from 1; nil: none's.
    public var keptStage: Int?
    /// When it ended; nil: not said.
    public var end: Date?
    /// Whether it was stopped before its end.
    public var isInterrupted = false
    /// What else there is to know: guards that spoke up, metrics that are missing.
    public var notes: [String] = []

    /// Settings under a heading.
    public struct SettingGroup: Sendable, Equatable {
        /// The heading.
        public var title: String
        /// Names and values, in their order.
        public var settings: [Setting]

        /// The given settings.
        public init(_ title: String, _ settings: [Setting]) { (self.title, self.settings) = (title, settings) }
    }

    /// A setting with its value.
    public struct Setting: Sendable, Equatable {
        /// What it is called.
        public var name: String
        /// Its value.
        public var value: String

        /// The given name and value.
        public init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
    }

    /// The given facts.
    public init(
        name: String, baseModel: String, encoder: String, encoderParameters: Int, program: String, command: String,
        tasks: [TaskRecord], stages: [StageRecord], steps: [StepRecord], evaluations: [EvaluationRecord],
        seconds: Double, peakMemory: Int, machine: String
    ) {
        precondition(!stages.isEmpty && !tasks.isEmpty, "a run has a stage and a task")
        (self.name, self.baseModel, self.encoder) = (name, baseModel, encoder)
        (self.encoderParameters, self.program, self.command) = (encoderParameters, program, command)
        (self.tasks, self.stages, self.steps, self.evaluations) = (tasks, stages, steps, evaluations)
        (self.seconds, self.peakMemory, self.machine) = (seconds, peakMemory, machine)
    }

    /// Seconds of all steps.
    public var stepSeconds: Double { steps.reduce(0) { $0 + $1.seconds } }
    /// Tokens of all steps.
    public var tokens: Int { steps.reduce(0) { $0 + $1.tokens } }
    /// Tokens a second over all steps.
    public var tokensPerSecond: Double { stepSeconds > 0 ? Double(tokens) / stepSeconds : 0 }
}
