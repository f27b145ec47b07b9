import Matrices

/// What a model answered to texts of which the answers are known, in a form in which any choice of them is scored quickly.
struct ScoredTexts: Sendable {
    /// The texts that are chosen or not as a whole: the windows of a sentence; the texts of a pair.
    let units: [Range<Int>]
    private let head: any Head
    private let targets: [Target]
    private let answers: Answers

    /// What scores are made of.
    private enum Answers: Sendable {
        /// The true label and the predicted one of each unit.
        case labels([(target: Int, prediction: Int)])
        /// The counts of each unit.
        case sentences([TaggingMetrics])
        /// Outputs as the head gave them, for kinds of scores that are no sums.
        case outputs([Matrix])
    }

    /// Outputs, a matrix for each text.
    init(_ head: any Head, _ outputs: [Matrix], _ texts: TrainingTexts) {
        (self.head, targets) = (head, texts.targets)
        let units = ScoredTexts.units(of: texts)
        self.units = units
        switch head.objective {
        case .classification:
            answers = .labels(zip(texts.targets, outputs).map { ($0.label, $1.row(0).indexOfLargest) })
        case .tagging:
            let counts = Parallel.map(units.count) { unit in
                head.scores(Array(outputs[units[unit]]), Array(texts.targets[units[unit]])).tagging
            }
            answers = .sentences(counts.compactMap { $0 })
        default: answers = .outputs(outputs)
        }
    }

    /// The scores on a choice of units, among which one may be several times.
    func scores(ofUnits chosen: [Int]) -> Scores {
        switch answers {
        case .labels(let labels):
            return .classification(
                ClassificationMetrics(
                    targets: chosen.map { labels[$0].target }, predictions: chosen.map { labels[$0].prediction },
                    labels: head.labels))
        case .sentences(let counts): return .tagging(TaggingMetrics(sumOf: chosen.map { counts[$0] }))
        case .outputs(let outputs):
            let texts = chosen.flatMap { units[$0] }
            return head.scores(texts.map { outputs[$0] }, texts.map { targets[$0] })
        }
    }

    /// The windows of a sentence belong together; other texts stand for themselves.
    private static func units(of texts: TrainingTexts) -> [Range<Int>] {
        var units: [Range<Int>] = []
        for (index, target) in texts.targets.enumerated() {
            if case .words(let words) = target, words.continuesSentence, let last = units.popLast() {
                units.append(last.lowerBound..<index + 1)
            } else {
                units.append(index..<index + 1)
            }
        }
        return units
    }
}
