/// Loops over numbers in double precision that lie side by side: what decompositions are made of.
///
/// Sums go through sixteen partial sums in one order whatever the processor, and nothing is fused, so that a decomposition has
/// the same bytes everywhere.
enum DoubleKernels {
    typealias Numbers = UnsafeMutablePointer<Double>

    private static let width = SIMD8<Double>.scalarCount

    @inline(__always)
    private static func load(_ x: Numbers) -> SIMD8<Double> {
        UnsafeRawPointer(x).loadUnaligned(as: SIMD8<Double>.self)
    }

    @inline(__always)
    private static func store(_ value: SIMD8<Double>, _ x: Numbers) {
        UnsafeMutableRawPointer(x).storeBytes(of: value, as: SIMD8<Double>.self)
    }

    /// Σ x y
    static func dot(_ x: Numbers, _ y: Numbers, _ count: Int) -> Double {
        var (even, odd) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
        var index = 0
        while index + 2 * width <= count {
            even += load(x + index) * load(y + index)
            odd += load(x + index + width) * load(y + index + width)
            index += 2 * width
        }
        var sum = (even + odd).sum()
        while index < count {
            sum += x[index] * y[index]
            index += 1
        }
        return sum
    }

    /// y += scale · x
    static func add(_ scale: Double, _ x: Numbers, _ y: Numbers, _ count: Int) {
        var index = 0
        while index + width <= count {
            store(load(y + index) + scale * load(x + index), y + index)
            index += width
        }
        while index < count {
            y[index] += scale * x[index]
            index += 1
        }
    }

    /// x ← c x + s y, y ← c y − s x
    static func rotate(_ x: Numbers, _ y: Numbers, _ rotation: Rotation, _ count: Int) {
        let (c, s) = (rotation.cosine, rotation.sine)
        var index = 0
        while index + width <= count {
            let (a, b) = (load(x + index), load(y + index))
            store(c * a + s * b, x + index)
            store(c * b - s * a, y + index)
            index += width
        }
        while index < count {
            let (a, b) = (x[index], y[index])
            (x[index], y[index]) = (c * a + s * b, c * b - s * a)
            index += 1
        }
    }

    /// √Σ x², of numbers whose squares neither overflow nor vanish.
    static func norm(_ x: Numbers, _ count: Int) -> Double { dot(x, x, count).squareRoot() }
}

/// A turn in a plane (Givens).
struct Rotation: Sendable {
    let cosine, sine: Double

    /// The turn that takes (x, y) to (`length`, 0).
    static func eliminating(_ x: Double, _ y: Double) -> (rotation: Rotation, length: Double) {
        guard y != 0 else { return (Rotation(cosine: 1, sine: 0), x) }
        // hypot of numbers near 1 needs no scaling; the caller has scaled the matrix.
        let length = (x * x + y * y).squareRoot()
        guard length > 0 else { return (Rotation(cosine: 1, sine: 0), 0) }
        return (Rotation(cosine: x / length, sine: y / length), length)
    }
}
