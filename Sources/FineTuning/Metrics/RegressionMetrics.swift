/// How near predicted numbers are to true ones.
///
/// Figures equal those of scikit-learn's `mean_squared_error`, `mean_absolute_error` and `r2_score`, and of scipy's
/// `pearsonr` and `spearmanr` where these say something.
public struct RegressionMetrics: Sendable, Equatable, Codable {
    /// The number of texts.
    public let examples: Int
    /// The mean of the squared error, and of the absolute one.
    public let squaredError, absoluteError: Double
    /// R²: 1 less the squared error's share of the targets' variance. Where targets do not vary it is 1 if all are met, else 0.
    public let determination: Double
    /// How predictions and targets go together.
    public let pearson, spearman: Double

    /// The scores of predicted numbers against true ones, text by text.
    ///
    /// - Precondition: there is at least one text, and as many predictions as targets.
    public init(targets: [Double], predictions: [Double]) {
        precondition(!targets.isEmpty, "scores need an example")
        precondition(targets.count == predictions.count, "each example has a prediction")
        let count = Double(targets.count)
        examples = targets.count
        let errors = zip(targets, predictions).map { $0 - $1 }
        let squares = errors.reduce(0) { $0 + $1 * $1 }
        squaredError = squares / count
        absoluteError = errors.reduce(0) { $0 + abs($1) } / count
        let mean = targets.reduce(0, +) / count
        let variance = targets.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        determination = variance > 0 ? 1 - squares / variance : squares == 0 ? 1 : 0
        pearson = Correlation.pearson(targets, predictions)
        spearman = Correlation.spearman(targets, predictions)
    }
}
