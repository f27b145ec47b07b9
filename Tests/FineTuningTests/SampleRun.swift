import FineTuning
import Foundation

/// Runs that never were, for the report to show: figures are functions of the step.
enum SampleRun {
    /// A task of classes, in one stage, of three epochs.
    static func classification(steps count: Int = 60) -> RunRecord {
        let metrics = ClassificationMetrics(
            targets: [0, 0, 0, 1, 1, 1, 2, 2, 2, 2], predictions: [0, 0, 1, 1, 1, 1, 2, 2, 0, 2],
            labels: ["business", "politics", "sport"])
        var task = TaskRecord(
            name: "topics", objective: .classification, head: "linear, 3 labels",
            training: .init(file: "bbc-train.jsonl", count: 1780), evaluation: .init(file: "bbc-test.jsonl", count: 10),
            scores: .classification(metrics))
        task.baseline = BaselineRecord(
            metric: "accuracy", headAlone: 0.7, trained: 0.8, interval: 0.02...0.19, seconds: 12)
        task.outcomes = [
            ExampleOutcome(
                input: TextInput("Shares in the <b>airline</b> & its rival fell"), line: 7, expected: "business",
                answered: "politics", loss: 3.25, isRight: false),
            ExampleOutcome(
                input: TextInput("The striker was sold"), line: 9, expected: "sport", answered: "business", loss: 1.5,
                isRight: false),
            ExampleOutcome(
                input: TextInput("The cup final"), line: 2, expected: "sport", answered: "sport", loss: 0.1,
                isRight: true),
        ]
        let stage = StageRecord(
            name: "training", trains: "heads and adapters",
            groups: [
                TrainedGroup("adapters", tensors: 24, parameters: 73_728),
                TrainedGroup("heads", tensors: 2, parameters: 1155),
            ], epochs: 3, epochsDone: 3, bestEpoch: 2, scores: ["topics": 0.8], metrics: ["topics": "accuracy"],
            cost: 0.68)
        var run = RunRecord(
            name: "topics", baseModel: "sentence-transformers/all-MiniLM-L6-v2", encoder: "BERT, 6 layers, 384 wide",
            encoderParameters: 22_713_216, program: "graft 0.1.0", command: "graft train --model base --output topics",
            tasks: [task], stages: [stage], steps: steps(1...count, stage: 1, tasks: ["topics"]),
            evaluations: [
                evaluation(count / 3, 1, 1, "topics", 0.7, true), evaluation(count * 2 / 3, 1, 2, "topics", 0.8, true),
                evaluation(count, 1, 3, "topics", 0.8, false),
            ], seconds: 75, peakMemory: 400_000_000, machine: "avx512 kernels, 2 threads, bfloat16")
        run.settings = [.init("Training", [.init("epochs", "3"), .init("learning rate", "0.001")])]
        run.keptStage = 1
        run.end = Date(timeIntervalSince1970: 1_790_000_000)
        return run
    }

    /// Two tasks, the heads alone first, then adapters, then the top layer too.
    static func stages() -> RunRecord {
        var run = classification()
        (run.name, run.keptStage) = ("adapters", 3)
        run.tasks[0].baseline = nil
        var tags = TaskRecord(
            name: "people & places", objective: .tagging, head: "linear, 5 tags",
            training: .init(file: "ner-train.jsonl", count: 900), evaluation: .init(file: "ner-test.jsonl", count: 2),
            scores: .tagging(
                TaggingMetrics(
                    targets: [["B-person", "O", "B-place"], ["O", "B-place"]],
                    predictions: [["B-person", "O", "O"], ["O", "B-place"]])))
        tags.outcomes = [
            ExampleOutcome(
                input: TextInput(words: ["Ada", "in", "London"]), line: 1, expected: "person: Ada; place: London",
                answered: "person: Ada", loss: 2.5, isRight: false)
        ]
        run.tasks.append(tags)
        let names = ["topics", "people & places"]
        let heads = TrainedGroup("heads", tensors: 4, parameters: 3080)
        let adapters = TrainedGroup("adapters", tensors: 24, parameters: 73_728)
        let layers = TrainedGroup("layers", tensors: 16, parameters: 1_774_464)
        func stage(_ name: String, _ trains: String, _ groups: [TrainedGroup], _ scores: [Double], _ cost: Double)
            -> StageRecord
        {
            StageRecord(
                name: name, trains: trains, groups: groups, epochs: 2, epochsDone: 2, bestEpoch: 2,
                scores: Dictionary(uniqueKeysWithValues: zip(names, scores)),
                metrics: ["topics": "accuracy", "people & places": "entity_f1"], cost: cost,
                folder: "adapters/stages/\(name)")
        }
        run.stages = [
            stage("heads", "heads", [heads], [0.7, 0.5], 0.01),
            stage("adapters", "heads and adapters", [adapters, heads], [0.792, 0.8], 0.68),
            stage("top layer", "heads, adapters and layer 5", [adapters, heads, layers], [0.8, 0.79], 0.74),
        ]
        run.steps = [1...30, 31...60, 61...90].enumerated().flatMap { steps($1, stage: $0 + 1, tasks: names) }
        run.evaluations = (1...6).flatMap { epoch in
            let stage = (epoch + 1) / 2
            return [
                evaluation(
                    epoch * 15, stage, epoch - (stage - 1) * 2, "topics",
                    [0.6, 0.7, 0.78, 0.792, 0.797, 0.8][epoch - 1], true),
                evaluation(
                    epoch * 15, stage, epoch - (stage - 1) * 2, "people & places",
                    [0.3, 0.5, 0.7, 0.8, 0.785, 0.79][epoch - 1], true),
            ]
        }
        return run
    }

    /// A falling loss with some noise.
    static func steps(_ range: ClosedRange<Int>, stage: Int, tasks: [String]) -> [StepRecord] {
        range.map { step in
            let (place, length) = (Double(step - range.lowerBound), Double(range.count))
            let loss = 1.6 * exp(-Double(step) / 25) + 0.15 * abs(sin(Double(step * step)))
            let rate = min(1, place / (length * 0.1)) * (1 - max(0, place - length * 0.1) / (length * 0.9))
            return StepRecord(
                step: step, stage: stage, epoch: 1 + Int(place * 3 / length), loss: loss,
                losses: Dictionary(
                    uniqueKeysWithValues: tasks.enumerated().map { ($1, loss * (1 + 0.4 * Double($0))) }),
                learningRates: stage == 1 ? ["heads": rate * 1e-2] : ["adapters": rate * 1e-3, "heads": rate * 5e-3],
                gradientNorm: 1.5, tokens: 3000, seconds: 0.5)
        }
    }

    private static func evaluation(
        _ step: Int, _ stage: Int, _ epoch: Int, _ task: String, _ score: Double, _ isBest: Bool
    ) -> EvaluationRecord {
        EvaluationRecord(
            step: step, stage: stage, epoch: epoch, task: task, isBest: isBest,
            scores: task == "topics" ? ["accuracy": score, "macro_f1": score - 0.01] : ["entity_f1": score])
    }
}
