extension Scores {
    /// All figures by the names that JSON has for them, the headline first.
    public var figures: [(name: String, value: Double)] {
        switch self {
        case .classification(let metrics): [("accuracy", metrics.accuracy), ("macro_f1", metrics.macroF1)]
        case .tagging(let metrics):
            [
                ("entity_f1", metrics.f1), ("entity_precision", metrics.precision), ("entity_recall", metrics.recall),
                ("word_accuracy", metrics.wordAccuracy),
            ]
        }
    }
}
