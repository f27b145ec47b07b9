import Encoders
import FineTuning
import Matrices

/// How fast a training step is, and where its time goes. Every step is on the same texts, so that steps are alike.
package struct TrainingFigures: Sendable {
    /// Texts of a step, and their tokens in all.
    package let texts, tokens: Int
    /// Median seconds of a step, on all threads and on one; the latter nil where all are one.
    package let seconds: Double
    package let secondsOnOneThread: Double?
    /// Threads in use.
    package let threads: Int
    /// Floating-point operations of a step.
    package let operations: Double
    /// Where the time of a step goes, from steps of their own.
    package let breakdown: Breakdown
    /// Numbers that train.
    package let trainedParameters: Int

    /// The seconds of a mean step by part.
    package struct Breakdown: Sendable {
        /// The number of steps that were recorded, and the mean seconds of one.
        package let steps: Int
        package let seconds: Double
        /// All parts, which add up to `seconds`: each the share that all threads together spent on it.
        package let parts: [(part: Profile.Part, seconds: Double)]
    }

    /// Real tokens a second.
    package var tokensPerSecond: Double { Double(tokens) / seconds }
    /// The same on one thread.
    package var tokensPerSecondOnOneThread: Double? { secondsOnOneThread.map { Double(tokens) / $0 } }

    /// Trains on the first texts for a while, and gives the trained task too.
    package static func measure(_ subject: BenchmarkSubject) throws -> (figures: TrainingFigures, task: TaskAdapter) {
        let texts = try subject.texts.trainingTexts(
            count: subject.batchSize, tokens: subject.maximumTokens, subject.model)
        let threads = Parallel.threads
        let (seconds, breakdown, trained) = try steps(subject, texts, isBrokenDown: true)
        var secondsOnOneThread: Double?
        if threads > 1 {
            Parallel.threads = 1
            defer { Parallel.threads = threads }
            secondsOnOneThread = try steps(subject, texts, isBrokenDown: false).seconds
        }
        guard let breakdown else { preconditionFailure("the first steps were broken down") }
        let limit = min(subject.maximumTokens, subject.model.encoder.config.maximumPositions)
        let lengths = try subject.lengths(of: texts, limit: limit)
        let work = EncoderWork(subject.model.encoder.config, lengths: lengths)
        let figures = TrainingFigures(
            texts: texts.count, tokens: lengths.reduce(0, +), seconds: seconds, secondsOnOneThread: secondsOnOneThread,
            threads: threads, operations: work.training(trained.task.adapters.sites), breakdown: breakdown,
            trainedParameters: trained.report.trainedParameters)
        return (figures, trained.task)
    }

    /// One step that does not count, then steps for a while, and as many that are recorded.
    private static func steps(
        _ subject: BenchmarkSubject, _ texts: [TextInput], isBrokenDown: Bool
    ) throws -> (seconds: Double, breakdown: Breakdown?, trained: TrainedTask) {
        var options = TrainingOptions()
        options.batchSize = texts.count
        options.maximumTokens = subject.maximumTokens
        options.dropsInsideEncoder = subject.dropsInsideEncoder
        // What is measured is a step that runs all layers, whichever are adapted.
        options.reusesFrozenLayers = false
        // One step an epoch; training is stopped when enough is known.
        options.epochs = 1_000_000
        let data = Dataset(
            texts.enumerated().map { Example($1.text, label: .name($0 % 2 == 0 ? "even" : "odd")) },
            source: "the benchmark's texts")
        let clock = ContinuousClock()
        var (last, plain, recorded, times): (ContinuousClock.Instant?, [Double], Int, Profile.Times?) =
            (nil, [], 0, nil)
        func hasEnough() -> Bool {
            plain.count >= subject.repetition.least && plain.reduce(0, +) >= subject.repetition.seconds
        }
        var model = subject.model
        let trained = try model.train(
            "benchmark", on: data, recipe: subject.recipe, options, baseModel: nil
        ) { event in
            guard case .step = event else { return .more }
            let now = clock.now
            defer { last = clock.now }
            // The first step packs what the others find packed.
            guard let last else { return .more }
            if !hasEnough() {
                plain.append((now - last) / .seconds(1))
                guard hasEnough() else { return .more }
                if !isBrokenDown { return .stop }
                Profile.start()
                return .more
            }
            recorded += 1
            guard recorded == plain.count else { return .more }
            times = Profile.stop()
            return .stop
        }
        let breakdown = times.map { times in
            Breakdown(
                steps: recorded, seconds: times.wall / Double(recorded),
                parts: Profile.Part.allCases.map { ($0, times[$0] / Double(recorded)) })
        }
        return (plain.median, breakdown, trained)
    }
}

extension BenchmarkTexts {
    /// The first `count` of the texts as they are; where there are fewer, as many made of their words to `tokens` tokens.
    func trainingTexts(count: Int, tokens: Int, _ model: AdaptedModel) throws -> [TextInput] {
        whole.count >= count ? Array(whole.prefix(count)) : try texts(count: count, tokens: tokens, model)
    }
}
