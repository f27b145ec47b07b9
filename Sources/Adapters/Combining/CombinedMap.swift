import Encoders
import Matrices

/// What several adapters' changes of one linear map have become.
public struct CombinedMap: Sendable {
    /// The change that the method means, before it is brought to a rank.
    let meant: WeightChange
    /// What the new adapter has of it, with the numbers that are written: rounded to float32.
    let a, b: Matrix
    /// The scale of the new adapter.
    let scale: Float
    /// ‖meant‖, the Euclidean norm of the change.
    public let norm: Double
    /// ‖new adapter's change − meant‖ / ‖meant‖
    public let relativeError: Double

    /// The rank of the new adapter.
    public var rank: Int { a.rows }
    /// The share of ‖meant‖² that the new adapter's change leaves out, where it is the best of its rank.
    public var lostEnergy: Double { relativeError * relativeError }

    /// These factors in place of what is meant.
    init(_ meant: WeightChange, as factors: LowRankFactors) {
        var factors = factors
        // A file says alpha, and the scale is alpha / rank.
        let alpha = Float(factors.scale) * Float(factors.rank)
        if Double(alpha / Float(factors.rank)) != factors.scale {
            factors = LowRankFactors(left: factors.scaledLeft(), right: factors.right)
        }
        (self.meant, scale) = (meant, Float(factors.scale))
        (b, a) = (factors.left.rounded, factors.right.rounded)
        let squaredNorm = meant.squaredNorm
        norm = squaredNorm.squareRoot()
        let rounded = WeightChange.lowRank(
            LowRankFactors(left: DoubleMatrix(b), right: DoubleMatrix(a), scale: factors.scale))
        relativeError = norm > 0 ? (meant.squaredDistance(to: rounded) / squaredNorm).squareRoot() : 0
    }

    /// The best of a rank, or of the least rank with a share of the energy, whichever is less; nil where nothing is meant.
    init?(_ meant: WeightChange, rank: Int, energy: Double?) {
        let decomposition = meant.decomposed(rank: energy == nil ? rank : nil)
        guard let largest = decomposition.values.first, largest > 0 else { return nil }
        let enough = energy.map { decomposition.rank(ofEnergy: $0) } ?? rank
        let rank = max(1, min(rank, enough, decomposition.rank))
        let factors = LowRankFactors(decomposition, rank: rank)
        (self.meant, scale) = (meant, 1)
        (b, a) = (factors.left.rounded, factors.right.rounded)
        let squares = decomposition.values.map { $0 * $0 }
        let all = squares.reduce(0, +)
        norm = all.squareRoot()
        relativeError = (squares.dropFirst(rank).reduce(0, +) / all).squareRoot()
    }
}
