/// How the cosines of pairs of texts agree with their scores, as sentence-transformers' `EmbeddingSimilarityEvaluator` says it.
public struct SimilarityMetrics: Sendable, Equatable, Codable {
    /// The number of pairs.
    public let examples: Int
    /// Correlations of cosines and scores: of their ranks, and of themselves.
    public let spearman, pearson: Double

    /// The scores of some pairs.
    ///
    /// - Precondition: there is at least one pair, and as many cosines as scores.
    public init(scores: [Double], cosines: [Double]) {
        precondition(!scores.isEmpty, "scores need an example")
        precondition(scores.count == cosines.count, "each pair has a cosine")
        examples = scores.count
        spearman = Correlation.spearman(scores, cosines)
        pearson = Correlation.pearson(scores, cosines)
    }
}
