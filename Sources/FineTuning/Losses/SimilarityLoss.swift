import Matrices

/// The loss of a similarity task. Which one is a matter of what the data says.
public enum SimilarityLoss: Sendable, Equatable {
    /// Of pairs, or triplets, that belong together.
    case ranking(MultipleNegativesRanking)
    /// Of pairs with a score.
    case cosine
    /// Of triplets.
    case triplet(TripletLoss)

    /// The loss of a whole step's embeddings, divided by `terms`, the number of its examples, and its gradient.
    public func loss(
        _ embeddings: Matrix, _ examples: [RelatedRows], terms: Double
    ) -> (loss: Double, dEmbeddings: Matrix) {
        switch self {
        case .ranking(let loss): loss.loss(embeddings, examples, terms: terms)
        case .cosine: CosineSimilarityLoss.loss(embeddings, examples, terms: terms)
        case .triplet(let loss): loss.loss(embeddings, examples, terms: terms)
        }
    }
}

extension SimilarityLoss: CustomStringConvertible {
    /// "multiple negatives ranking, scale 20.0".
    public var description: String {
        switch self {
        case .ranking(let loss): "multiple negatives ranking, scale \(loss.scale)"
        case .cosine: "squared error of the cosine to the score"
        case .triplet(let loss): "triplet, \(loss.distance.rawValue) distance, margin \(loss.margin)"
        }
    }
}
