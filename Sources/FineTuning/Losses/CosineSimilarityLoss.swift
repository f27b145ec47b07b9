import Matrices

/// The loss of pairs with a score, as sentence-transformers' `CosineSimilarityLoss` has it: (cos(first, second) − score)², the
/// mean over pairs.
public enum CosineSimilarityLoss {
    /// The loss of the embeddings [texts, width] of a step, divided by `terms`, the number of its pairs, and its gradient.
    ///
    /// - Precondition: each pair has a score.
    public static func loss(
        _ embeddings: Matrix, _ examples: [RelatedRows], terms: Double
    ) -> (loss: Double, dEmbeddings: Matrix) {
        let unit = UnitRows(embeddings)
        var dUnit = Matrix(rows: embeddings.rows, columns: embeddings.columns)
        var loss = 0.0
        for pair in examples {
            guard let score = pair.score else { preconditionFailure("pairs that are scored have a score") }
            let difference = unit.cosine(pair.first, pair.second) - Double(score)
            loss += difference * difference / terms
            let slope = Float(2 * difference / terms)
            for column in 0..<embeddings.columns {
                dUnit[pair.first, column] += slope * unit.values[pair.second, column]
                dUnit[pair.second, column] += slope * unit.values[pair.first, column]
            }
        }
        return (loss, unit.pullback(dUnit))
    }
}
