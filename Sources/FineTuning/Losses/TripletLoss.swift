import Matrices

/// The loss of triplets, as sentence-transformers' `TripletLoss` has it: the negative has to be farther from the first text
/// than the second text is, by a margin,
///
///     max(0, d(first, second) − d(first, negative) + margin)
///
/// the mean over triplets.
public struct TripletLoss: Sendable, Equatable {
    /// How far apart two embeddings are.
    public enum Distance: String, Sendable, CaseIterable {
        /// |x − y|
        case euclidean
        /// 1 − cos(x, y)
        case cosine
    }

    /// d
    public let distance: Distance
    /// By how much the negative has to be farther.
    public let margin: Float

    /// The given parts; the defaults are those of sentence-transformers. A cosine distance is at most 2, so it asks for a
    /// margin well below that.
    public init(distance: Distance = .euclidean, margin: Float = 5) {
        precondition(margin >= 0, "the margin is not negative")
        (self.distance, self.margin) = (distance, margin)
    }

    /// The loss of the embeddings [texts, width] of a step, divided by `terms`, the number of its triplets, and its gradient.
    ///
    /// - Precondition: each example has a negative.
    public func loss(
        _ embeddings: Matrix, _ examples: [RelatedRows], terms: Double
    ) -> (loss: Double, dEmbeddings: Matrix) {
        let unit = distance == .cosine ? UnitRows(embeddings) : nil
        let x = unit?.values ?? embeddings
        var dx = Matrix(rows: x.rows, columns: x.columns)
        var loss = 0.0
        for triplet in examples {
            guard let negative = triplet.negative else { preconditionFailure("triplets have a negative") }
            let near = distance(x, triplet.first, triplet.second)
            let far = distance(x, triplet.first, negative)
            let excess = near - far + Double(margin)
            guard excess > 0 else { continue }
            loss += excess / terms
            addGradient(of: near, x, triplet.first, triplet.second, 1 / terms, to: &dx)
            addGradient(of: far, x, triplet.first, negative, -1 / terms, to: &dx)
        }
        return (loss, unit?.pullback(dx) ?? dx)
    }

    private func distance(_ x: Matrix, _ first: Int, _ second: Int) -> Double {
        var sum = 0.0
        switch distance {
        case .euclidean:
            for column in 0..<x.columns {
                let difference = Double(x[first, column]) - Double(x[second, column])
                sum += difference * difference
            }
            return sum.squareRoot()
        case .cosine:
            for column in 0..<x.columns { sum += Double(x[first, column]) * Double(x[second, column]) }
            return 1 - sum
        }
    }

    /// Adds `share` times the gradient of a distance. That of two texts in one place is 0, since none of its directions leads
    /// nearer.
    private func addGradient(
        of distance: Double, _ x: Matrix, _ first: Int, _ second: Int, _ share: Double, to dx: inout Matrix
    ) {
        switch self.distance {
        case .euclidean:
            guard distance > 0 else { return }
            for column in 0..<x.columns {
                let slope = Float(share * (Double(x[first, column]) - Double(x[second, column])) / distance)
                dx[first, column] += slope
                dx[second, column] -= slope
            }
        case .cosine:
            for column in 0..<x.columns {
                dx[first, column] -= Float(share) * x[second, column]
                dx[second, column] -= Float(share) * x[first, column]
            }
        }
    }
}
