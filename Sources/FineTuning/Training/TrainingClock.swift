/// Counts steps, tokens and seconds of training, evaluations left out. Steps that were done before a run was resumed count
/// as steps only.
struct TrainingClock {
    private let totalSteps: Int
    private let clock = ContinuousClock()
    private(set) var steps: Int
    private(set) var seconds = 0.0
    /// Seconds and tokens of the last step.
    private(set) var lastSeconds = 0.0
    private var lastTokens = 0
    private var tokens = 0
    private var rates: [Double] = []

    init(steps: Int, done: Int = 0) { (totalSteps, self.steps) = (steps, done) }

    /// Runs one step of so many tokens.
    mutating func time<Result, Failure: Error>(
        tokens count: Int, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let start = clock.now
        let result = try body()
        let elapsed = (clock.now - start) / .seconds(1)
        steps += 1
        seconds += elapsed
        (lastSeconds, lastTokens) = (elapsed, count)
        tokens += count
        rates.append(Double(count) / elapsed)
        return result
    }

    var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }

    /// The median over steps, which a disturbance of the machine does not move.
    var medianTokensPerSecond: Double { rates.isEmpty ? 0 : rates.sorted()[rates.count / 2] }

    func progress(
        stage: Int, epoch: Int, _ outcome: StepOutcome, learningRates: [ParameterPlace.Part: Float]
    ) -> TrainingProgress.Step {
        TrainingProgress.Step(
            step: steps, steps: totalSteps, stage: stage, epoch: epoch, loss: outcome.loss, losses: outcome.losses,
            learningRates: learningRates, gradientNorm: outcome.gradientNorm, tokens: lastTokens,
            seconds: lastSeconds, tokensPerSecond: tokensPerSecond,
            secondsLeft: seconds / Double(rates.count) * Double(totalSteps - steps))
    }
}
