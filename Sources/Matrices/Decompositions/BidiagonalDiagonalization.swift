/// Makes a bidiagonal matrix diagonal by turns from both sides: the implicitly shifted QR iteration (Golub and Reinsch 1970).
///
/// The turns are applied to the rows of two matrices, which are the singular vectors in the end. They are gathered first and
/// applied many at a time, panel by panel of columns, so that a panel stays in cache; threads share the panels.
struct BidiagonalDiagonalization {
    /// The singular values with signs, in no order.
    private(set) var diagonal: [Double]
    private var superdiagonal: [Double]
    /// Their left and right vectors, as rows.
    private(set) var left, right: DoubleMatrix

    private var leftTurns: [Turn] = []
    private var rightTurns: [Turn] = []

    /// A turn of two rows.
    private struct Turn {
        let first, second: Int
        let rotation: Rotation
    }

    /// Turns that are gathered before they are applied.
    private static let mostTurns = 16_384
    /// Columns of a panel.
    private static let panelWidth = 64

    init(_ diagonal: [Double], _ superdiagonal: [Double]) {
        (self.diagonal, self.superdiagonal) = (diagonal, superdiagonal)
        (left, right) = (.identity(diagonal.count), .identity(diagonal.count))
        iterate()
        flush()
    }

    private mutating func iterate() {
        let norm = zip(diagonal, superdiagonal + [0]).reduce(0) { max($0, abs($1.0) + abs($1.1)) }
        let negligible = norm * Double.ulpOfOne
        var last = diagonal.count - 1
        var sweeps = 0
        while last > 0 {
            // The lowest block without a zero above its diagonal: from `first` to `last`.
            var first = last
            while first > 0 {
                let scale = abs(diagonal[first - 1]) + abs(diagonal[first])
                if abs(superdiagonal[first - 1]) <= max(Double.ulpOfOne * scale, negligible * 0x1p-10) {
                    superdiagonal[first - 1] = 0
                    break
                }
                first -= 1
            }
            guard first < last else {
                last -= 1
                continue
            }
            if leftTurns.count + rightTurns.count > BidiagonalDiagonalization.mostTurns { flush() }
            if let zero = (first..<last).first(where: { abs(diagonal[$0]) <= negligible }) {
                clearRow(zero, to: last)
            } else if abs(diagonal[last]) <= negligible {
                clearColumn(last, to: first)
            } else {
                sweep(first, last)
                sweeps += 1
                // One value takes about two sweeps; the iteration is known to converge for every finite matrix.
                precondition(sweeps <= 60 * diagonal.count, "the QR iteration converges for finite numbers")
            }
        }
    }

    /// Where the diagonal is zero at `row`, the number above it in that row is moved out to the right.
    private mutating func clearRow(_ row: Int, to last: Int) {
        diagonal[row] = 0
        var bulge = superdiagonal[row]
        superdiagonal[row] = 0
        for other in row + 1...last {
            let (rotation, length) = Rotation.eliminating(diagonal[other], bulge)
            diagonal[other] = length
            leftTurns.append(Turn(first: other, second: row, rotation: rotation))
            guard other < last else { break }
            bulge = -rotation.sine * superdiagonal[other]
            superdiagonal[other] *= rotation.cosine
        }
    }

    /// Where the diagonal is zero at its end, the number above it is moved out upwards.
    private mutating func clearColumn(_ column: Int, to first: Int) {
        diagonal[column] = 0
        var bulge = superdiagonal[column - 1]
        superdiagonal[column - 1] = 0
        for other in stride(from: column - 1, through: first, by: -1) {
            let (rotation, length) = Rotation.eliminating(diagonal[other], bulge)
            diagonal[other] = length
            rightTurns.append(Turn(first: other, second: column, rotation: rotation))
            guard other > first else { break }
            bulge = -rotation.sine * superdiagonal[other - 1]
            superdiagonal[other - 1] *= rotation.cosine
        }
    }

    /// One implicit step from `first` to `last`.
    private mutating func sweep(_ first: Int, _ last: Int) {
        var y = diagonal[first] - shift(first, last) / diagonal[first]
        var z = superdiagonal[first]
        for place in first..<last {
            let (turn, length) = Rotation.eliminating(y, z)
            if place > first { superdiagonal[place - 1] = length }
            let (d, e, next) = (diagonal[place], superdiagonal[place], diagonal[place + 1])
            y = turn.cosine * d + turn.sine * e
            superdiagonal[place] = turn.cosine * e - turn.sine * d
            z = turn.sine * next
            diagonal[place + 1] = turn.cosine * next
            rightTurns.append(Turn(first: place, second: place + 1, rotation: turn))

            let (other, diagonalLength) = Rotation.eliminating(y, z)
            diagonal[place] = diagonalLength
            let (above, below) = (superdiagonal[place], diagonal[place + 1])
            y = other.cosine * above + other.sine * below
            diagonal[place + 1] = other.cosine * below - other.sine * above
            leftTurns.append(Turn(first: place, second: place + 1, rotation: other))
            guard place + 1 < last else { break }
            z = other.sine * superdiagonal[place + 1]
            superdiagonal[place + 1] *= other.cosine
        }
        superdiagonal[last - 1] = y
    }

    /// The eigenvalue of the last 2 × 2 of BᵀB that is nearer to its last number (Wilkinson).
    private func shift(_ first: Int, _ last: Int) -> Double {
        let above = last - 1 > first ? superdiagonal[last - 2] : 0
        let a = diagonal[last - 1] * diagonal[last - 1] + above * above
        let b = diagonal[last - 1] * superdiagonal[last - 1]
        let c = diagonal[last] * diagonal[last] + superdiagonal[last - 1] * superdiagonal[last - 1]
        let half = (a - c) / 2
        guard b != 0 else { return c }
        let root = (half * half + b * b).squareRoot()
        return c - b * b / (half + (half >= 0 ? root : -root))
    }

    // MARK: Vectors

    private mutating func flush() {
        BidiagonalDiagonalization.apply(leftTurns, to: &left)
        BidiagonalDiagonalization.apply(rightTurns, to: &right)
        leftTurns.removeAll(keepingCapacity: true)
        rightTurns.removeAll(keepingCapacity: true)
    }

    private static func apply(_ turns: [Turn], to vectors: inout DoubleMatrix) {
        let columns = vectors.columns
        vectors.withMutableValues { base in
            Parallel.forEachRange(of: columns, grain: panelWidth) { panel in
                let start = base + panel.lowerBound
                for turn in turns {
                    DoubleKernels.rotate(
                        start + turn.first * columns, start + turn.second * columns, turn.rotation, panel.count)
                }
            }
        }
    }
}
