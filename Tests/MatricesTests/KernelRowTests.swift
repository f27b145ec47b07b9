import CKernels
import Foundation
import Testing

/// Norms, softmax, rotary positions and sums against Double; and all row work, activations and gates too, of every path against
/// the reference, and of all fast paths against each other, bit for bit.
struct KernelRowTests {
    /// What a path may differ from the reference by, relative to 1 + |expected|.
    static let tolerance = 1e-6

    /// Lengths on both sides of every vector's and every partial sum's edge.
    static let lengths = Array(0...70) + [127, 128, 129, 384]

    // MARK: Norms

    static let norms = [GRAFT_LAYER_NORM, GRAFT_RMS_NORM]

    /// What a row is brought to one size by: its mean, which RMS norm leaves alone, and what it is multiplied with.
    private func sizes(_ kind: GraftNorm, _ row: some Collection<Double>, _ epsilon: Double) -> (Double, Double) {
        let columns = Double(row.count)
        let mean = kind == GRAFT_LAYER_NORM ? row.reduce(0, +) / columns : 0
        let square = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / columns
        return (mean, 1 / (square + epsilon).squareRoot())
    }

    @Test(arguments: KernelPath.all, norms)
    func normIsTheFormulaInDouble(path: KernelPath, kind: GraftNorm) {
        var numbers = SeededNumbers(seed: 12)
        for columns in Self.lengths.dropFirst() {
            let rows = 3
            // A mean far from zero, as some hidden layers have.
            let x = numbers.floats(rows * columns, in: 2...5)
            let (gamma, beta) = (numbers.floats(columns, in: -2...2), numbers.floats(columns))
            let out = KernelNumbers(repeating: 0, count: x.count)
            let normalized = KernelNumbers(repeating: 0, count: x.count)
            let inverse = KernelNumbers(repeating: 0, count: rows)
            path.kernels.norm(
                kind, x.start, gamma.start, beta.start, 1e-5, rows, columns, out.start, normalized.start,
                inverse.start)
            for i in 0..<rows {
                let row = i * columns..<(i + 1) * columns
                let (mean, scale) = sizes(kind, x.doubles[row], Double(Float(1e-5)))
                // Rounding x by 2⁻²⁴ moves a normalized number by that times x and the inverse deviation.
                let allowed = 5e-7 * (1 + scale)
                let values = x.doubles[row].map { ($0 - mean) * scale }
                #expect(largestDifference([inverse.start[i]], [scale]) < allowed)
                #expect(largestDifference(Array(normalized.values[row]), values) < allowed)
                let expected = (0..<columns).map { values[$0] * gamma.doubles[$0] + beta.doubles[$0] }
                #expect(largestDifference(Array(out.values[row]), expected) < 2 * allowed)
            }
            let (zeros, plain) = (
                KernelNumbers(repeating: 0, count: columns), KernelNumbers(repeating: 0, count: x.count)
            )
            path.kernels.norm(
                kind, x.start, gamma.start, zeros.start, 1e-5, rows, columns, plain.start, nil, nil)
            let other = KernelNumbers(repeating: 0, count: x.count)
            path.kernels.norm(kind, x.start, gamma.start, nil, 1e-5, rows, columns, other.start, nil, nil)
            #expect(other.values == plain.values, "without beta, as if it were zeros")
            path.kernels.norm(kind, x.start, gamma.start, beta.start, 1e-5, rows, columns, x.start, nil, nil)
            #expect(x.bits == out.bits, "in place, nothing kept")
        }
    }

    @Test(arguments: KernelPath.all, norms)
    func normBackwardIsTheSlopeOfTheForward(path: KernelPath, kind: GraftNorm) {
        var numbers = SeededNumbers(seed: 13)
        let (rows, columns) = (2, 37)
        let x = numbers.floats(rows * columns, in: -2...2)
        let (gamma, dy) = (numbers.floats(columns, in: -2...2), numbers.floats(rows * columns))
        let normalized = KernelNumbers(repeating: 0, count: x.count)
        let inverse = KernelNumbers(repeating: 0, count: rows)
        let out = KernelNumbers(repeating: 0, count: x.count)
        let dx = KernelNumbers(repeating: 0, count: x.count)
        path.kernels.norm(
            kind, x.start, gamma.start, nil, 1e-5, rows, columns, out.start, normalized.start, inverse.start)
        path.kernels.norm_backward(
            kind, dy.start, normalized.start, inverse.start, gamma.start, rows, columns, dx.start)

        // Σ dy · norm(x), in Double, and its central difference.
        func loss(_ x: [Double]) -> Double {
            (0..<rows).reduce(0) { sum, i in
                let row = x[i * columns..<(i + 1) * columns]
                let (mean, scale) = sizes(kind, row, 1e-5)
                return sum
                    + row.indices.reduce(0) {
                        $0 + dy.doubles[$1] * gamma.doubles[$1 % columns] * (x[$1] - mean) * scale
                    }
            }
        }
        let expected = x.doubles.indices.map { index in
            var (up, down) = (x.doubles, x.doubles)
            up[index] += 1e-5
            down[index] -= 1e-5
            return (loss(up) - loss(down)) / 2e-5
        }
        #expect(largestDifference(dx.values, expected) < 2e-6)
    }

    // MARK: Rotary positions

    @Test(arguments: KernelPath.all)
    func rotationIsTheFormulaInDoubleAndTurnsBack(path: KernelPath) {
        var numbers = SeededNumbers(seed: 18)
        for width in [2, 6, 8, 16, 24, 30, 32, 34, 64, 96] {
            let (rows, heads) = (3, 2)
            let (half, stride) = (width / 2, heads * width + 3)
            let angles = numbers.floats(rows * half, in: -10...10).doubles
            let turns = KernelNumbers(
                (0..<rows).flatMap { row in
                    let of = angles[row * half..<(row + 1) * half]
                    return of.map { Float(cos($0)) } + of.map { Float(sin($0)) }
                })
            let x = numbers.floats(rows * stride, in: -3...3)
            let before = x.doubles
            path.kernels.rotate(x.start, stride, rows, heads, width, turns.start, false)
            var expected = before
            for row in 0..<rows {
                for place in 0..<heads * half {
                    let at = row * stride + place / half * width + place % half
                    let angle = angles[row * half + place % half]
                    expected[at] = before[at] * cos(angle) - before[at + half] * sin(angle)
                    expected[at + half] = before[at + half] * cos(angle) + before[at] * sin(angle)
                }
            }
            #expect(largestDifference(x.values, expected) < 5e-7, "\(width)")
            path.kernels.rotate(x.start, stride, rows, heads, width, turns.start, true)
            #expect(largestDifference(x.values, before) < 5e-7, "\(width), and back")
        }
    }

    // MARK: Softmax

    @Test(arguments: KernelPath.all)
    func softmaxIsTheFormulaInDouble(path: KernelPath) {
        var numbers = SeededNumbers(seed: 14)
        for columns in Self.lengths.dropFirst() {
            for (range, scale) in [(Float(-3)...3, Float(1)), (-80...80, 0.25), (-300...300, -1)] {
                let (rows, stride) = (2, columns + 3)
                let x = numbers.floats(rows * stride, in: range)
                let before = x.values
                path.kernels.softmax(x.start, stride, scale, rows, columns)
                for i in 0..<rows {
                    let row = i * stride..<i * stride + columns
                    let scaled = before[row].map { Double(scale) * Double($0) }
                    let largest = scaled.max() ?? 0
                    let powers = scaled.map { exp($0 - largest) }
                    let sum = powers.reduce(0, +)
                    #expect(largestDifference(Array(x.values[row]), powers.map { $0 / sum }) < 3e-7)
                    #expect(abs(x.doubles[row].reduce(0, +) - 1) < 1e-6)
                    #expect(x.values[row.upperBound..<(i + 1) * stride] == before[row.upperBound..<(i + 1) * stride])
                }
            }
        }
    }

    /// A probability over that of the largest score, which is 0, is a power of e: a rounding each beside the power's own
    /// error, together less than two units in the last place.
    @Test(arguments: KernelPath.fast)
    func powersAreRightToTheLastPlaces(path: KernelPath) {
        var numbers = SeededNumbers(seed: 17)
        for range in [Float(-1)...0, -10...0, -80...0] {
            let x = KernelNumbers([0] + numbers.floats(20_000, in: range).values)
            let exponents = x.doubles
            path.kernels.softmax(x.start, x.count, 1, 1, x.count)
            let largest = x.doubles[0]
            let worst = zip(x.doubles, exponents).reduce(0) { worst, pair in
                // Below the smallest normal number there are fewer places.
                pair.0 < 1.2e-38 ? worst : max(worst, abs(pair.0 / largest / exp(pair.1) - 1))
            }
            #expect(worst < 2e-7)
        }
    }

    // MARK: Sums

    @Test(arguments: KernelPath.all)
    func dotAndAddAreTheFormulaInDouble(path: KernelPath) {
        var numbers = SeededNumbers(seed: 16)
        for count in Self.lengths + [10_001] {
            let (x, y) = (numbers.floats(count), numbers.floats(count + 1))
            let expected = zip(x.doubles, y.doubles).reduce(0) { $0 + $1.0 * $1.1 }
            #expect(
                abs(Double(path.kernels.dot(x.start, y.start, count)) - expected) < 1e-6
                    * (1 + Double(count).squareRoot()))
            let before = y.doubles
            path.kernels.add(0.3, x.start, y.start, count)
            let sums = before.indices.map { $0 < count ? before[$0] + Double(Float(0.3)) * x.doubles[$0] : before[$0] }
            #expect(largestDifference(y.values, sums) < 1e-7)
            #expect(y.doubles.last == before.last, "the number behind the last")
        }
    }

    // MARK: All paths

    /// All results of one path on the same inputs, one after another; guards between them show what was written outside.
    private func results(of kernels: GraftKernels, count: Int) -> [UInt32] {
        var numbers = SeededNumbers(seed: UInt64(count))
        var bits: [UInt32] = []
        let x = numbers.floats(2 * count + 40, in: -8...8)
        let (dy, gamma, beta) = (numbers.floats(2 * count), numbers.floats(count), numbers.floats(count))
        func collect(_ body: (UnsafeMutablePointer<Float>) -> Void) {
            let out = KernelNumbers(x.values)
            body(out.start)
            bits += out.bits
        }
        for activation in KernelActivationTests.all {
            collect { kernels.activate(activation, x.start, $0, count) }
            collect { kernels.activate_backward(activation, x.start, dy.start, $0, count) }
            collect { kernels.gate(activation, x.start, dy.start, count, 2, count, $0) }
            collect {
                kernels.gate_backward(
                    activation, x.start, gamma.start, count, dy.start, 1, count, $0, $0 + count)
            }
        }
        for kind in Self.norms where count > 0 {
            let (normalized, inverse) = (KernelNumbers(x.values), KernelNumbers(repeating: 7, count: 5))
            collect {
                kernels.norm(
                    kind, x.start, gamma.start, beta.start, 1e-12, 2, count, $0, normalized.start, inverse.start)
            }
            bits += normalized.bits + inverse.bits
            collect {
                kernels.norm_backward(kind, dy.start, x.start, inverse.start, gamma.start, 2, count, $0)
            }
        }
        for inverse in [false, true] {
            collect { kernels.rotate($0, count + 9, 2, 1, count / 2 * 2, dy.start, inverse) }
        }
        collect { kernels.softmax($0, count + 7, 0.7, 2, count) }
        collect { kernels.dropout(5, 1000, 0.3, x.start, $0, count) }
        collect { kernels.scale_columns(dy.start, count, gamma.start, 2, count, $0) }
        collect { kernels.add(0.2, dy.start, $0, count) }
        bits.append(kernels.dot(x.start, dy.start, count).bitPattern)
        return bits
    }

    @Test func allFastPathsHaveTheSameBits() throws {
        for count in Self.lengths {
            let expected = KernelPath.fast.first.map { results(of: $0.kernels, count: count) }
            for path in KernelPath.fast.dropFirst() {
                #expect(results(of: path.kernels, count: count) == expected, "\(path.testDescription), \(count)")
            }
        }
    }

    @Test(arguments: KernelPath.fast)
    func everyPathIsCloseToTheReferenceAndWritesNothingElse(path: KernelPath) {
        for count in Self.lengths {
            let found = results(of: path.kernels, count: count).map { Float(bitPattern: $0) }
            let expected = results(of: KernelPath.reference.kernels, count: count).map { Double(Float(bitPattern: $0)) }
            #expect(found.count == expected.count)
            #expect(largestDifference(found, expected) < 3 * Self.tolerance, "\(count)")
        }
    }

    /// A run that went wrong must show, not be clamped back to numbers.
    @Test(arguments: KernelPath.all)
    func whatIsNotANumberStaysNotANumber(path: KernelPath) {
        let kernels = path.kernels
        for count in [1, 5, 16, 40] {
            for at in [0, count - 1] {
                let x = KernelNumbers(repeating: 0.5, count: count)
                let ones = KernelNumbers(repeating: 1, count: count)
                let out = KernelNumbers(repeating: 0, count: count)
                x.start[at] = .nan
                for kind in Self.norms {
                    kernels.norm(kind, x.start, ones.start, ones.start, 1e-5, 1, count, out.start, nil, nil)
                    #expect(out.values.allSatisfy { $0.isNaN })
                }
                #expect(kernels.dot(x.start, ones.start, count).isNaN)
                kernels.softmax(x.start, count, 1, 1, count)
                #expect(x.values.allSatisfy { $0.isNaN })
            }
        }
    }
}
