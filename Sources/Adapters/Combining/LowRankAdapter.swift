import Encoders
import Matrices

/// An adapter whose effect on the weight is a product of two thin factors: what can be put side by side exactly.
package protocol LowRankAdapter: MergeableAdapter {
    /// W + the factors' product is the new weight; nil where the adapter is more than that.
    func factors(_ parameters: ParameterVector) -> LowRankFactors?
}

/// scale · left · right, in double precision: left [outputs, rank] and right [rank, inputs], as LoRA's B and A.
package struct LowRankFactors: Sendable {
    package var left, right: DoubleMatrix
    package var scale: Double

    package init(left: DoubleMatrix, right: DoubleMatrix, scale: Double = 1) {
        precondition(left.columns == right.rows, "both factors have one rank")
        (self.left, self.right, self.scale) = (left, right, scale)
    }

    /// The number of columns of ``left``.
    package var rank: Int { left.columns }

    /// The left factor with the scale in it, multiplied by `weight`.
    func scaledLeft(_ weight: Double = 1) -> DoubleMatrix { left.multiplied(by: scale * weight) }

    /// √Σ σ² of leading singular values on both sides, so that further training finds factors of one size.
    package init(_ decomposition: SingularValueDecomposition, rank: Int) {
        let roots = decomposition.values.prefix(rank).map { $0.squareRoot() }
        self.init(
            left: decomposition.left.rows(upTo: rank).multiplyingRows(by: roots).transposed,
            right: decomposition.right.rows(upTo: rank).multiplyingRows(by: roots))
    }
}

extension LoRA: LowRankAdapter {
    package func factors(_ parameters: ParameterVector) -> LowRankFactors? {
        LowRankFactors(
            left: DoubleMatrix(parameters[b]), right: DoubleMatrix(parameters[a]), scale: Double(scale))
    }
}
