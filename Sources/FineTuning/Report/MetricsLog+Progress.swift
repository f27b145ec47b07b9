extension MetricsLog {
    /// Adds the rows of what training says: a step's, or one for each task that was scored.
    public func append(_ progress: TrainingProgress) throws(MetricsLogError) {
        switch progress {
        case .step(let step):
            try append(
                StepRecord(
                    step: step.step, stage: step.stage, epoch: step.epoch, loss: step.loss,
                    losses: Dictionary(step.losses.map { ($0.task, $0.loss) }, uniquingKeysWith: { first, _ in first }),
                    learningRates: Dictionary(
                        uniqueKeysWithValues: step.learningRates.map { ($0.key.rawValue, MetricsLog.double($0.value)) }),
                    gradientNorm: MetricsLog.double(step.gradientNorm), tokens: step.tokens, seconds: step.seconds))
        case .epoch(let epoch):
            for task in epoch.taskScores {
                try append(
                    EvaluationRecord(
                        step: epoch.step, stage: epoch.stage, epoch: epoch.epoch, task: task.task, isBest: epoch.isBest,
                        scores: Dictionary(uniqueKeysWithValues: task.scores.values.map { ($0.name, $0.value) })))
            }
        case .stage: break
        }
    }

    /// The number that the shortest digits of a Float say: 0.001, not 0.0010000000474974513.
    private static func double(_ value: Float) -> Double { Double("\(value)") ?? Double(value) }
}
