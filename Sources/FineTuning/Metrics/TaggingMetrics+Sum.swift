extension TaggingMetrics {
    /// The scores of several data sets taken as one.
    init(sumOf parts: [TaggingMetrics]) {
        var sums: [String: (correct: Int, predicted: Int, support: Int)] = [:]
        for type in parts.lazy.flatMap(\.types) {
            let sum = sums[type.type] ?? (0, 0, 0)
            sums[type.type] = (sum.correct + type.correct, sum.predicted + type.predicted, sum.support + type.support)
        }
        types = sums.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }.map {
            TypeScores(
                type: $0.key, correct: $0.value.correct, predicted: $0.value.predicted, support: $0.value.support)
        }
        sentences = parts.reduce(0) { $0 + $1.sentences }
        words = parts.reduce(0) { $0 + $1.words }
        correctWords = parts.reduce(0) { $0 + $1.correctWords }
    }
}
