import Foundation
import Graft

/// `graft demo`: the main job end to end on a real encoder and real text.
enum DemoCommand {
    static let command = Command(DemoOptions.command) { values in
        let progress = ProgressLine(isQuiet: values[SharedOptions.Output.quiet])
        try Demo(
            output: values[DemoOptions.output], progress: progress, threads: values[SharedOptions.Machine.threads],
            precision: values[SharedOptions.Machine.precision]
        ).run()
    }
}

/// Trains two tasks on one encoder, compares each with its head alone, swaps between them, and merges one.
private struct Demo {
    let output: URL
    let progress: ProgressLine
    let threads: Int?
    let precision: Precision?

    static let model = "sentence-transformers/all-MiniLM-L6-v2"

    /// One of the demo's tasks: a sample of a data set, small enough to wait for.
    struct Task {
        let name: String
        let about: String
        let training, evaluation: Dataset
        let maximumTokens: Int

        init(
            _ name: String, _ about: String, _ training: URL, _ test: URL, texts: Int, tests: Int, maximumTokens: Int
        ) throws {
            (self.name, self.about, self.maximumTokens) = (name, about, maximumTokens)
            self.training = try Dataset(contentsOf: training).shuffled(seed: 0).prefix(texts)
            evaluation = try Dataset(contentsOf: test).shuffled(seed: 0).prefix(tests)
        }
    }

    /// What training one task came to.
    struct Outcome {
        let task: Task
        let headAlone: Scores
        let trained: TrainedTask
        let folder: URL
    }

    func run() throws {
        say("1. The encoder: \(Demo.model)")
        let pulled = try ModelPull(from: HuggingFaceHub()).run(Demo.model) { PullCommand.show($0, progress) }
        progress.clear()
        var session = try ModelSession(name: Demo.model, threads: threads, precision: precision)
        let config = session.model.encoder.config
        print("   \(config.layers) layers, \(config.hiddenSize) wide, in \(pulled.folder.path(percentEncoded: false))")
        print("   \(Kernels.chosen ?? "") kernels, \(Parallel.threads) threads")

        say("2. The texts: BBC news by topic, sentences of movie reviews by sentiment")
        let data = try DemoData { PullCommand.show($0, progress) }
        progress.clear()
        let tasks = [
            try Task(
                "topics", "what a news article is about", data.newsTraining, data.newsTest, texts: 300, tests: 200,
                maximumTokens: 96),
            try Task(
                "sentiment", "whether a reviewer liked the film", data.reviewsTraining, data.reviewsTest, texts: 800,
                tests: 500, maximumTokens: 64),
        ]
        for task in tasks {
            print(
                "   \(task.name), \(task.about): \(task.training.count) texts to learn from, "
                    + "\(task.evaluation.count) held out")
        }

        say("3. Training, with the encoder frozen: each task's head alone, then an adapter and a head")
        let outcomes = try tasks.map { try train($0, &session) }
        showScores(outcomes)

        say("4. Swapping: one encoder in memory, each sentence answered by both adapters")
        try swap(session, outcomes)

        say("5. Merging the sentiment adapter into a plain model folder")
        let merged = output.appending(path: "sentiment-merged")
        let certificate = try Merge(session.model, base: session.folder).write(
            "sentiment", to: merged, samples: outcomes[1].task.evaluation.inputs.prefix(64) + Merge.sampleTexts)
        print(certificate.lines.map { "   " + $0 }.joined(separator: "\n"))
        try showSizes(session, outcomes, merged)
        showNext(outcomes, merged)
    }

    private func train(_ task: Task, _ session: inout ModelSession) throws -> Outcome {
        var options = TrainingOptions()
        options.maximumTokens = task.maximumTokens
        // So few texts need small steps, and a head that gets off the ground fast.
        (options.batchSize, options.learningRate, options.headLearningRate) = (10, 2e-3, 1e-2)
        progress.milestone("   \(task.name): the head alone")
        let headAlone = try session.model.train(
            task.name, on: task.training, evaluatingOn: task.evaluation, recipe: nil, options,
            baseModel: session.baseName
        ) { event in
            if case .step(let step) = event { progress.update("   step \(step.step)/\(step.steps)") }
            return .more
        }
        guard let scores = headAlone.report.scores else { preconditionFailure("evaluation gives scores") }
        progress.milestone("   \(task.name): LoRA of rank 8 on query and value, and the head")
        let folder = output.appending(path: task.name)
        let run = TrainingRun(
            tasks: [
                .init(
                    task.name, objective: .classification, training: task.training, evaluation: task.evaluation,
                    adapter: task.name)
            ], adapters: [.init(task.name, .new(AdapterRecipe()))], stages: [TrainingStage("training", options)])
        let job = TrainingJob(
            run: run, plan: try session.model.plan(run), output: TrainingOutput(folder: folder, isOneFolder: true),
            command: "graft demo")
        let trained = try job.start(&session, progress).trained.tasks[0].task
        return Outcome(task: task, headAlone: scores, trained: trained, folder: folder)
    }

    private func showScores(_ outcomes: [Outcome]) {
        var table = TextTable(
            ("   task", .left), ("head alone", .right), ("with adapter", .right), ("trained numbers", .right),
            ("tokens/s", .right), ("seconds", .right))
        for outcome in outcomes {
            let report = outcome.trained.report
            table.append(
                "   " + outcome.task.name, outcome.headAlone.headline.value.fixed(4),
                report.scores?.headline.value.fixed(4) ?? "", HumanUnits.count(report.trainedParameters),
                HumanUnits.count(Int(report.tokensPerSecond)), report.seconds.fixed(1))
        }
        print("   accuracy on the held-out texts\n" + table.lines.joined(separator: "\n"))
    }

    private func swap(_ session: ModelSession, _ outcomes: [Outcome]) throws {
        let sentences: [TextInput] = [
            "A warm, funny film with a cast that never puts a foot wrong.",
            "The striker scored twice as the champions came from behind to win.",
            "Shares in the airline fell after it warned that profits would be hit by fuel costs.",
            "Two hours of my life that I will not get back.",
        ]
        let names = outcomes.map(\.task.name)
        let requests = sentences.flatMap { sentence in names.map { (text: sentence, task: $0) } }
        let answers = try session.model.predict(requests)
        var table = TextTable(("   sentence", .left), ("topics", .left), ("sentiment", .left))
        for (index, sentence) in sentences.enumerated() {
            let row = answers[index * names.count..<(index + 1) * names.count]
            let cells = row.compactMap(\.classification).map { "\($0.label) \(Double($0.score).fixed(2))" }
            table.append("   " + sentence.text, cells[0], cells[1])
        }
        print(table.lines.joined(separator: "\n"))
    }

    private func showSizes(_ session: ModelSession, _ outcomes: [Outcome], _ merged: URL) throws {
        var table = TextTable(("   folder", .left), ("size", .right))
        table.append("   the encoder (\(Demo.model))", HumanUnits.bytes(try Demo.size(of: session.folder)))
        for outcome in outcomes {
            table.append(
                "   adapter \(outcome.folder.relativePath)", HumanUnits.bytes(try Demo.size(of: outcome.folder)))
        }
        table.append("   merged \(merged.relativePath)", HumanUnits.bytes(try Demo.size(of: merged)))
        print(table.lines.joined(separator: "\n"))
    }

    /// Bytes of all files below a folder, links followed.
    private static func size(of folder: URL) throws -> Int {
        let path = folder.path(percentEncoded: false)
        return try FileManager.default.subpathsOfDirectory(atPath: path).reduce(0) { sum, name in
            let file = folder.appending(path: name).resolvingSymlinksInPath()
            let values = try file.resourceValues(forKeys: [.isRegularFileKey, .fileSizeKey])
            return sum + (values.isRegularFile == true ? values.fileSize ?? 0 : 0)
        }
    }

    private func showNext(_ outcomes: [Outcome], _ merged: URL) {
        let adapters = outcomes.map { "--adapter \($0.folder.relativePath)" }.joined(separator: " ")
        let graft = "swift run -c release graft"
        say("Next")
        print(
            """
               \(graft) predict --model \(Demo.model) \(adapters) "Your own sentence."
               \(graft) predict --model \(merged.relativePath) "Your own sentence."
               \(graft) train --model \(Demo.model) --train YOURS.jsonl --eval HELD-OUT.jsonl --output adapters/yours
               \(graft) --help
            """)
    }

    private func say(_ title: String) {
        progress.clear()
        print("\n\(title)")
        fflush(nil)
    }
}
