/// Which loss a task trains with. The defaults are the usual loss of each objective; what does not go with an objective is
/// refused, never passed over.
public struct LossOptions: Sendable, Equatable {
    /// The losses by name.
    public enum Kind: String, Sendable, CaseIterable {
        /// Softmax cross-entropy of classes and tags, binary cross-entropy of several labels.
        case crossEntropy = "cross-entropy"
        /// Focal loss (Lin et al. 2017) of classes, tags and several labels.
        case focal
        /// Of a number.
        case squaredError = "squared-error"
        /// Multiple negatives ranking of pairs, or triplets, that belong together.
        case ranking
        /// Of the cosine of pairs to their scores.
        case cosine
        /// Of triplets.
        case triplet
    }

    /// Which one; nil: focal where there is a gamma, else the usual one of the objective and, for similarity, of what the data
    /// says: cosine for scores, triplet for negatives, ranking for pairs alone.
    public var kind: Kind?
    /// How much each class counts; nil: all alike.
    public var classWeights: ClassWeights?
    /// The share of the target that all classes have alike.
    public var labelSmoothing: Float = 0
    /// How much rows that are already right lose weight; nil: 2 for the focal loss, and no focal loss otherwise.
    public var focalGamma: Float?
    /// What ranking multiplies cosines with; nil: 20.
    public var rankingScale: Float?
    /// By how much a triplet's negative has to be farther; nil: 5.
    public var tripletMargin: Float?
    /// The distance in triplets; nil: Euclidean.
    public var tripletDistance: TripletLoss.Distance?

    /// The defaults.
    public init() {}

    /// Lin et al. found γ = 2 to work best.
    private static let usualGamma: Float = 2

    /// The loss of a single class for each text, or word.
    ///
    /// - Parameter counts: how many texts, or words, have each label.
    /// - Throws: ``LossError`` for what does not go with it.
    func classLoss(
        _ objective: Objective, labels: [String], counts: [String: Int]
    ) throws(LossError) -> ClassLoss {
        try check(objective, kinds: [.crossEntropy, .focal], allows: [.classWeights, .labelSmoothing, .focalGamma])
        let weights: [Float]? =
            if let classWeights { try classWeights.values(labels, counts: counts, examples: nil) } else { nil }
        guard let gamma = try gamma() else {
            return .crossEntropy(SoftmaxCrossEntropy(weights: weights, labelSmoothing: labelSmoothing))
        }
        return .focal(SoftmaxFocalLoss(gamma: gamma, weights: weights))
    }

    /// The loss of any number of labels for each of `examples` texts.
    ///
    /// - Throws: ``LossError`` for what does not go with it.
    func multilabelLoss(
        labels: [String], counts: [String: Int], examples: Int
    ) throws(LossError) -> MultilabelLoss {
        try check(.multilabel, kinds: [.crossEntropy, .focal], allows: [.classWeights, .focalGamma])
        let weights: [Float]? =
            if let classWeights { try classWeights.values(labels, counts: counts, examples: examples) } else { nil }
        guard let gamma = try gamma() else {
            return .crossEntropy(BinaryCrossEntropy(positiveWeights: weights))
        }
        return .focal(BinaryFocalLoss(gamma: gamma, positiveWeights: weights))
    }

    /// Checks that nothing is asked for that a number's loss has not.
    func checkRegression() throws(LossError) { try check(.regression, kinds: [.squaredError], allows: []) }

    /// The loss of pairs or triplets that say so much.
    ///
    /// - Throws: ``LossError`` for what does not go with it, or with the data.
    func similarityLoss(hasScores: Bool, hasNegatives: Bool) throws(LossError) -> SimilarityLoss {
        let kind = self.kind ?? (hasScores ? .cosine : hasNegatives ? .triplet : .ranking)
        let allowed: Set<Setting> =
            switch kind {
            case .ranking: [.rankingScale]
            case .triplet: [.tripletMargin, .tripletDistance]
            default: []
            }
        try check(.similarity, kinds: [.ranking, .cosine, .triplet], allows: allowed, of: kind)
        let found = hasScores ? "pairs with scores" : hasNegatives ? "triplets" : "pairs without scores"
        switch kind {
        case .cosine:
            guard hasScores else {
                throw .unsuitableData(loss: kind.rawValue, found: found, expected: "pairs with scores")
            }
            return .cosine
        case .triplet:
            guard hasNegatives else {
                throw .unsuitableData(loss: kind.rawValue, found: found, expected: "triplets (a 'negative')")
            }
            let margin = tripletMargin ?? TripletLoss().margin
            return .triplet(TripletLoss(distance: tripletDistance ?? .euclidean, margin: margin))
        default:
            guard !hasScores else {
                throw .unsuitableData(
                    loss: kind.rawValue, found: found, expected: "pairs that all belong together, without scores")
            }
            return .ranking(MultipleNegativesRanking(scale: rankingScale ?? MultipleNegativesRanking().scale))
        }
    }
}

extension LossOptions {
    /// The settings but for the kind, by the names of their command line options.
    private enum Setting: String, CaseIterable {
        case classWeights = "class-weights"
        case labelSmoothing = "label-smoothing"
        case focalGamma = "focal-gamma"
        case rankingScale = "ranking-scale"
        case tripletMargin = "triplet-margin"
        case tripletDistance = "triplet-distance"
    }

    private func isGiven(_ setting: Setting) -> Bool {
        switch setting {
        case .classWeights: classWeights != nil
        case .labelSmoothing: labelSmoothing != 0
        case .focalGamma: focalGamma != nil
        case .rankingScale: rankingScale != nil
        case .tripletMargin: tripletMargin != nil
        case .tripletDistance: tripletDistance != nil
        }
    }

    private func check(
        _ objective: Objective, kinds: [Kind], allows allowed: Set<Setting>, of chosen: Kind? = nil
    ) throws(LossError) {
        if let kind, !kinds.contains(kind) {
            let expected = kinds.map(\.rawValue).joined(separator: " or ")
            throw .unsuitable(setting: "the loss \(kind.rawValue)", objective: objective, expected: expected)
        }
        for setting in Setting.allCases where isGiven(setting) && !allowed.contains(setting) {
            if let chosen { throw .conflict(setting.rawValue, "the loss \(chosen.rawValue)") }
            let expected = allowed.isEmpty ? "no settings" : allowed.map(\.rawValue).sorted().joined(separator: ", ")
            throw .unsuitable(setting: setting.rawValue, objective: objective, expected: expected)
        }
        try checkRanges()
    }

    private func checkRanges() throws(LossError) {
        func check(_ setting: Setting, _ value: Float?, _ expected: String, _ holds: (Float) -> Bool) throws(LossError)
        {
            if let value, !(value.isFinite && holds(value)) {
                throw .outOfRange(setting: setting.rawValue, found: value, expected: expected)
            }
        }
        try check(.labelSmoothing, labelSmoothing, "0 or more and below 1") { (0..<1).contains($0) }
        try check(.focalGamma, focalGamma, "0 or more") { $0 >= 0 }
        try check(.rankingScale, rankingScale, "above 0") { $0 > 0 }
        try check(.tripletMargin, tripletMargin, "0 or more") { $0 >= 0 }
        guard case .given(let weights) = classWeights else { return }
        for (name, weight) in weights.sorted(by: { $0.key < $1.key }) where !(weight.isFinite && weight >= 0) {
            throw .outOfRange(setting: "the class weight of '\(name)'", found: weight, expected: "0 or more")
        }
    }

    /// γ, nil where the loss is not focal.
    private func gamma() throws(LossError) -> Float? {
        guard kind == .focal || focalGamma != nil else { return nil }
        if kind == .crossEntropy { throw .conflict("the loss cross-entropy", Setting.focalGamma.rawValue) }
        if labelSmoothing != 0 { throw .conflict("the focal loss", Setting.labelSmoothing.rawValue) }
        return focalGamma ?? LossOptions.usualGamma
    }
}
