import Matrices

/// The loss of pairs that belong together (Henderson et al. 2017), as sentence-transformers'
/// `MultipleNegativesRankingLoss` has it: of all second texts of a step, and all negatives that its examples name, the first
/// text has to find its own,
///
///     loss = −log softmax(scale · cos(first, others))ₒ,   o its own
///
/// the mean over examples. The larger the step, the harder the task.
public struct MultipleNegativesRanking: Sendable, Equatable {
    /// What cosines are multiplied with: the inverse of a temperature.
    public let scale: Float

    /// A loss with the given scale; 20 is that of sentence-transformers.
    public init(scale: Float = 20) {
        precondition(scale > 0, "the scale is above 0")
        self.scale = scale
    }

    /// The loss of the embeddings [texts, width] of a whole step, divided by `terms`, the number of its examples, and its
    /// gradient.
    public func loss(
        _ embeddings: Matrix, _ examples: [RelatedRows], terms: Double
    ) -> (loss: Double, dEmbeddings: Matrix) {
        let unit = UnitRows(embeddings)
        let candidates = examples.map(\.second) + examples.compactMap(\.negative)
        let firsts = unit.values.gathering(examples.map(\.first))
        let others = unit.values.gathering(candidates)
        var logits = Matrix(uninitializedRows: firsts.rows, columns: others.rows)
        withViews(firsts, others) { views in
            logits.withMutableView {
                Product.compute(views[0], PackedMatrix(views[1].transposed), scale: scale, into: $0)
            }
        }
        var (loss, dCosines) = SoftmaxCrossEntropy().loss(logits, targets: Array(examples.indices), terms: terms)
        dCosines.withMutableBuffer { for index in $0.indices { $0[index] *= scale } }

        var dFirsts = Matrix(uninitializedRows: firsts.rows, columns: firsts.columns)
        var dOthers = Matrix(uninitializedRows: others.rows, columns: others.columns)
        withViews(dCosines, firsts, others) { views in
            dFirsts.withMutableView { Product.compute(views[0], views[2], into: $0) }
            dOthers.withMutableView { Product.compute(views[0].transposed, views[1], into: $0) }
        }
        var dUnit = Matrix(rows: embeddings.rows, columns: embeddings.columns)
        dUnit.scatter(dFirsts, adding: examples.map(\.first))
        dUnit.scatter(dOthers, adding: candidates)
        return (loss, unit.pullback(dUnit))
    }
}

extension Matrix {
    /// Some rows, in the order of their places.
    func gathering(_ places: [Int]) -> Matrix {
        var gathered = Matrix(uninitializedRows: places.count, columns: columns)
        gathered.withMutableBuffer { gathered in
            withBuffer { source in
                for (row, place) in places.enumerated() {
                    for column in 0..<columns { gathered[row * columns + column] = source[place * columns + column] }
                }
            }
        }
        return gathered
    }

    /// Adds each row of `other` to the row at its place.
    fileprivate mutating func scatter(_ other: Matrix, adding places: [Int]) {
        let columns = columns
        withMutableBuffer { sums in
            other.withBuffer { other in
                for (row, place) in places.enumerated() {
                    for column in 0..<columns { sums[place * columns + column] += other[row * columns + column] }
                }
            }
        }
    }
}
