import Matrices

/// What a model answered to texts of which the answers are known, in a form in which any choice of them is scored quickly.
struct ScoredTexts: Sendable {
    /// The texts that are chosen or not as a whole, those of one example: the windows of a sentence; a pair.
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
        /// The ranks of all units, found among the texts of all: a choice of units does not change what they are found among.
        case ranks(RankingMetrics)
        /// Outputs as the head gave them, for kinds of scores that are no sums.
        case outputs([Matrix])
    }

    /// Outputs, a matrix for each text.
    init(_ head: any Head, _ outputs: [Matrix], _ texts: TrainingTexts) {
        (self.head, targets) = (head, texts.targets)
        let units = ScoredTexts.units(of: texts)
        self.units = units
        switch head.scores(outputs, texts.targets) {
        case .classification:
            answers = .labels(zip(texts.targets, outputs).map { ($0.label, $1.row(0).indexOfLargest) })
        case .tagging:
            let counts = Parallel.map(units.count) { unit in
                head.scores(Array(outputs[units[unit]]), Array(texts.targets[units[unit]])).tagging
            }
            answers = .sentences(counts.compactMap { $0 })
        case .ranking(let metrics) where metrics.ranks.count == units.count: answers = .ranks(metrics)
        default: answers = .outputs(outputs)
        }
    }

    /// The scores on a choice of units, among which one may be several times.
    func scores(of chosen: [Int]) -> Scores {
        switch answers {
        case .labels(let labels):
            return .classification(
                ClassificationMetrics(
                    targets: chosen.map { labels[$0].target }, predictions: chosen.map { labels[$0].prediction },
                    labels: head.labels))
        case .sentences(let counts): return .tagging(TaggingMetrics(sumOf: chosen.map { counts[$0] }))
        case .ranks(let metrics): return .ranking(RankingMetrics(metrics, choosing: chosen))
        case .outputs(let outputs):
            let texts = chosen.flatMap { units[$0] }
            return head.scores(texts.map { outputs[$0] }, texts.map { targets[$0] })
        }
    }

    private static func units(of texts: TrainingTexts) -> [Range<Int>] {
        var units: [Range<Int>] = []
        for (text, origin) in texts.origins.enumerated() {
            if let last = units.last, texts.origins[last.lowerBound] == origin {
                units[units.count - 1] = last.lowerBound..<text + 1
            } else {
                units.append(text..<text + 1)
            }
        }
        return units
    }
}

extension RankingMetrics {
    /// The ranks of some of the examples alone. Of triplets it is not known which were nearer.
    fileprivate init(_ metrics: RankingMetrics, choosing examples: [Int]) {
        (self.examples, candidates) = (examples.count, metrics.candidates)
        (ranks, nearer) = (examples.map { metrics.ranks[$0] }, nil)
    }
}
