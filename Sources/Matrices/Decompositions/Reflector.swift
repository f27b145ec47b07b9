/// A Householder reflection H = I − factor · v vᵀ with v₀ = 1 that takes a vector to one with a single number: `length`, then
/// zeros. Signs are LAPACK's: `length` has the sign opposite to the vector's first number, and where nothing is to eliminate
/// H is I.
struct Reflector {
    let factor, length: Double

    /// Puts v in place of the vector.
    init(replacing x: UnsafeMutablePointer<Double>, _ count: Int) {
        let first = x[0]
        let rest = count > 1 ? DoubleKernels.norm(x + 1, count - 1) : 0
        guard rest > 0 else {
            (factor, length) = (0, first)
            x[0] = 1
            return
        }
        let norm = (first * first + rest * rest).squareRoot()
        length = first >= 0 ? -norm : norm
        factor = (length - first) / length
        let scale = 1 / (first - length)
        for index in 1..<max(1, count) { x[index] *= scale }
        x[0] = 1
    }

    /// y ← H y
    static func apply(
        _ factor: Double, _ v: UnsafeMutablePointer<Double>, to y: UnsafeMutablePointer<Double>, _ count: Int
    ) {
        guard factor != 0 else { return }
        DoubleKernels.add(-factor * DoubleKernels.dot(v, y, count), v, y, count)
    }
}
