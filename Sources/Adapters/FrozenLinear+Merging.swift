import Encoders
import Matrices

extension FrozenLinear {
    /// W + scale · left · right, in float32: each element is W plus one sum.
    func weight(plus left: Matrix, _ right: Matrix, scale: Float) -> Matrix {
        var sum = weight
        withViews(left, right) { views in
            sum.withMutableView {
                Product.compute(views[0], views[1], scale: scale, accumulating: true, into: $0)
            }
        }
        return sum
    }
}
