import Matrices

/// What is added to a weight [outputs, inputs], in double precision: thin factors where it has such, else all of it.
enum WeightChange: Sendable {
    case lowRank(LowRankFactors)
    case dense(DoubleMatrix)

    /// The rank that it has by its form; nil: any.
    var rank: Int? { factors?.rank }

    /// The factors; nil where it has none.
    var factors: LowRankFactors? { if case .lowRank(let factors) = self { factors } else { nil } }

    /// All numbers.
    var dense: DoubleMatrix {
        switch self {
        case .lowRank(let factors): factors.scaledLeft() * factors.right
        case .dense(let matrix): matrix
        }
    }

    /// Σ weight · change: factors side by side while all parts have them.
    static func sum(_ parts: [(change: WeightChange, weight: Double)]) -> WeightChange {
        let factors = parts.compactMap(\.change.factors)
        guard factors.count == parts.count else {
            var sum = parts[0].change.dense.multiplied(by: parts[0].weight)
            for part in parts.dropFirst() { sum.add(part.change.dense, scale: part.weight) }
            return .dense(sum)
        }
        // A scale that all share stays where it is, so that nothing is rounded for it.
        let scales = Set(factors.map(\.scale))
        let isShared = scales.count == 1
        let left = zip(factors, parts).map { isShared ? $0.left.multiplied(by: $1.weight) : $0.scaledLeft($1.weight) }
        return .lowRank(
            LowRankFactors(
                left: DoubleMatrix(besideEachOther: left), right: DoubleMatrix(belowEachOther: factors.map(\.right)),
                scale: isShared ? factors[0].scale : 1))
    }

    /// Singular values, and the vectors of the `rank` largest; nil: of all.
    func decomposed(rank: Int?) -> SingularValueDecomposition {
        switch self {
        case .lowRank(let factors):
            SingularValueDecomposition(product: factors.scaledLeft(), factors.right, rank: rank)
        case .dense(let matrix): SingularValueDecomposition(matrix, rank: rank)
        }
    }

    /// Σ of the squares of all numbers.
    var squaredNorm: Double {
        guard let factors, factors.rank < min(factors.left.rows, factors.right.columns) else {
            return dense.squaredNorm
        }
        // Q of both sides changes no norm.
        let core = QRDecomposition(factors.left).r * QRDecomposition(transposing: factors.right).r.transposed
        return core.squaredNorm * factors.scale * factors.scale
    }

    /// ‖self − other‖²
    func squaredDistance(to other: WeightChange) -> Double {
        WeightChange.sum([(self, 1), (other, -1)]).squaredNorm
    }
}

extension DoubleMatrix {
    /// Each number multiplied.
    func multiplied(by factor: Double) -> DoubleMatrix {
        factor == 1 ? self : DoubleMatrix(rows: rows, columns: columns, values: values.map { factor * $0 })
    }

    /// The columns of all parts, in their order.
    init(besideEachOther parts: [DoubleMatrix]) {
        self = DoubleMatrix(belowEachOther: parts.map(\.transposed)).transposed
    }

    /// The rows of all parts, in their order.
    init(belowEachOther parts: [DoubleMatrix]) {
        self.init(
            rows: parts.reduce(0) { $0 + $1.rows }, columns: parts.first?.columns ?? 0,
            values: parts.flatMap(\.values))
    }
}
