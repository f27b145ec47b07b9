/// What a figure is called on a page: "macro F1" for `macro_f1`.
enum MetricName {
    /// The name in words.
    static func words(_ name: String) -> String {
        name.split(separator: "_").map { word in
            switch word {
            case "f1": "F1"
            case "mse", "mae", "rmse", "mrr": word.uppercased()
            case "r2": "R²"
            case "pearson", "spearman", "matthews": word.capitalized
            default: String(word)
            }
        }.joined(separator: " ")
    }
}
