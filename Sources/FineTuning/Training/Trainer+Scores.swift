import Files
import Matrices

/// Evaluating, and what follows from scores.
extension Trainer {
    /// Scores of the current values on a task's texts.
    public func evaluate(task: Int = 0, on texts: TrainingTexts) -> Scores {
        model(of: stages.count - 1).model(of: task).evaluate(on: texts, values(ofTask: task))
    }

    /// Scores what is watched before the first step, so that harm is seen.
    mutating func watch() {
        let model = model(of: 0)
        for (place, task) in tasks.enumerated() where task.maximumDrop != nil && state.startScores[task.name] == nil {
            guard let data = task.evaluation else { continue }
            state.startScores[task.name] = task.head.scores(
                model.outputs(place, on: data, evaluationTexts[task.route], nil, start), data.targets)
        }
    }

    /// The scores of each task that has evaluation data, and the outputs that they are of.
    func evaluate(
        _ model: StageModel, _ features: inout [FrozenFeatures?]
    ) throws(TrainingError) -> (scores: [TaskScores], outputs: [String: [Matrix]]) {
        for route in features.indices {
            do throws(FilesError) { try features[route]?.prepareAll() } catch { throw .features(error) }
        }
        var (scores, all) = ([TaskScores](), [String: [Matrix]]())
        for (place, task) in tasks.enumerated() {
            guard let data = task.evaluation else { continue }
            let outputs = model.outputs(place, on: data, evaluationTexts[task.route], features[task.route], state.kept)
            scores.append(TaskScores(task: task.name, scores: task.head.scores(outputs, data.targets)))
            all[task.name] = outputs
        }
        return (scores, all)
    }

    /// The mean of a figure of the tasks that learn and have it, the headline where none is named, turned so that the higher is
    /// the better; nil without one.
    func score(of scores: [TaskScores], by metric: String?) -> Double? {
        let learning = Set(tasks.filter { $0.training != nil }.map(\.name))
        let figures = scores.filter { learning.contains($0.task) }.compactMap { task in
            metric.map { metric in
                task.scores.value(of: metric).map { Scores.isBetterLower(metric) ? -$0 : $0 }
            } ?? task.scores.headline.value
        }
        guard !figures.isEmpty else { return nil }
        let mean = figures.reduce(0, +) / Double(figures.count)
        // What has no score, a correlation of answers that are all alike, is worse than what has one.
        return mean.isFinite ? mean : -.greatestFiniteMagnitude
    }

    /// The first task that has fallen further below its start than it may.
    func harmedTask(by scores: [TaskScores]) -> String? {
        tasks.first { task in
            guard let limit = task.maximumDrop, let start = state.startScores[task.name],
                let now = scores.first(where: { $0.task == task.name })?.scores
            else { return false }
            return start.headline.value - now.headline.value > limit
        }?.name
    }
}
