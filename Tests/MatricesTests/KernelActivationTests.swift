import CKernels
import Foundation
import Testing

/// Activations and gates, of every path, against Double. `KernelRowTests` compares the paths with each other.
struct KernelActivationTests {
    static let all = [GRAFT_GELU, GRAFT_GELU_TANH, GRAFT_RELU, GRAFT_SILU]

    /// The function and its slope; the reference's own are not used.
    static func inDouble(_ activation: GraftActivation, _ v: Double) -> (value: Double, slope: Double) {
        switch activation {
        case GRAFT_GELU:
            let share = 0.5 * erfc(-v * 0.5.squareRoot())
            return (v * share, share + v * exp(-v * v / 2) / (2 * Double.pi).squareRoot())
        case GRAFT_GELU_TANH:
            let c = (2 / Double.pi).squareRoot()
            let u = c * (v + 0.044715 * v * v * v)
            let squaredSecant = 1 / (cosh(u) * cosh(u))
            return (
                0.5 * v * (1 + tanh(u)), 0.5 * (1 + tanh(u)) + 0.5 * v * squaredSecant * c * (1 + 0.134145 * v * v)
            )
        case GRAFT_RELU:
            return (max(0, v), v > 0 ? 1 : 0)
        default:
            // Through tanh, which overflows nowhere.
            let share = 0.5 * (1 + tanh(v / 2))
            let secant = 1 / cosh(v / 2)
            return (v * share, share + v * secant * secant / 4)
        }
    }

    private func inputs(seed: UInt64) -> KernelNumbers {
        var numbers = SeededNumbers(seed: seed)
        return KernelNumbers(
            numbers.floats(20_000, in: -6...6).values + numbers.floats(5000, in: -20...20).values
                + numbers.floats(1000, in: -100...100).values + numbers.floats(1000, in: -0.01...0.01).values
                + [0, -0.0, 1e4, -1e4, 3e38, -3e38])
    }

    @Test(arguments: KernelPath.all, all)
    func activationIsTheFormulaInDouble(path: KernelPath, activation: GraftActivation) {
        let x = inputs(seed: 10)
        let out = KernelNumbers(repeating: 0, count: x.count)
        path.kernels.activate(activation, x.start, out.start, x.count)
        let expected = x.doubles.map { Self.inDouble(activation, $0).value }
        #expect(largestDifference(out.values, expected) < 2.5e-7)
        path.kernels.activate(activation, x.start, x.start, x.count)
        #expect(x.bits == out.bits, "in place")
    }

    @Test(arguments: KernelPath.all, all)
    func activationBackwardIsTheSlopeInDouble(path: KernelPath, activation: GraftActivation) {
        let x = inputs(seed: 11)
        var numbers = SeededNumbers(seed: 12)
        let dy = numbers.floats(x.count, in: -1...1)
        let dx = KernelNumbers(repeating: 0, count: x.count)
        path.kernels.activate_backward(activation, x.start, dy.start, dx.start, x.count)
        let expected = zip(x.doubles, dy.doubles).map { $1 * Self.inDouble(activation, $0).slope }
        #expect(largestDifference(dx.values, expected) < 2.5e-7)
        path.kernels.activate_backward(activation, x.start, dy.start, dy.start, x.count)
        #expect(dy.bits == dx.bits, "in place")
    }

    /// Both sides of a gate lie in rows of one wider matrix, as where one linear map gives both.
    @Test(arguments: KernelPath.all, all)
    func gatesAreTheFormulaInDouble(path: KernelPath, activation: GraftActivation) {
        var numbers = SeededNumbers(seed: 13)
        for columns in [1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 70] {
            let (rows, stride) = (3, 2 * columns + 5)
            let wide = numbers.floats(rows * stride, in: -5...5)
            let dy = numbers.floats(rows * columns)
            let (out, dWide) = (
                KernelNumbers(repeating: 0, count: rows * columns), KernelNumbers(repeating: 4711, count: rows * stride)
            )
            let (a, b) = (wide.start, wide.start + columns)
            path.kernels.gate(activation, a, b, stride, rows, columns, out.start)
            path.kernels.gate_backward(
                activation, a, b, stride, dy.start, rows, columns, dWide.start, dWide.start + columns)
            for i in 0..<rows {
                for j in 0..<columns {
                    let (x, factor) = (Double(a[i * stride + j]), Double(b[i * stride + j]))
                    let (value, slope) = Self.inDouble(activation, x)
                    let d = dy.doubles[i * columns + j]
                    #expect(largestDifference([out.start[i * columns + j]], [value * factor]) < 2e-6)
                    #expect(largestDifference([dWide.start[i * stride + j]], [d * factor * slope]) < 2e-6)
                    #expect(largestDifference([dWide.start[i * stride + columns + j]], [d * value]) < 2e-6)
                }
                let between = dWide.values[i * stride + 2 * columns..<(i + 1) * stride]
                #expect(between.allSatisfy { $0 == 4711 }, "between the rows")
            }
            let expected = dWide.bits
            path.kernels.gate_backward(activation, a, b, stride, dy.start, rows, columns, a, b)
            for i in 0..<rows {
                let row = i * stride..<i * stride + 2 * columns
                #expect(wide.bits[row] == expected[row], "in place")
            }
        }
    }

    /// A run that went wrong must show, not be clamped back to numbers.
    @Test(arguments: KernelPath.all, all)
    func whatIsNotANumberStaysNotANumber(path: KernelPath, activation: GraftActivation) {
        for count in [1, 5, 16, 40] {
            for at in [0, count - 1] {
                let x = KernelNumbers(repeating: 0.5, count: count)
                let ones = KernelNumbers(repeating: 1, count: count)
                let (out, other) = (
                    KernelNumbers(repeating: 0, count: count), KernelNumbers(repeating: 0, count: count)
                )
                x.start[at] = .nan
                path.kernels.activate(activation, x.start, out.start, count)
                #expect(out.start[at].isNaN)
                path.kernels.activate_backward(activation, x.start, ones.start, out.start, count)
                #expect(out.start[at].isNaN)
                path.kernels.gate(activation, x.start, ones.start, count, 1, count, out.start)
                #expect(out.start[at].isNaN)
                path.kernels.gate_backward(
                    activation, x.start, ones.start, count, ones.start, 1, count, out.start, other.start)
                #expect(out.start[at].isNaN && other.start[at].isNaN)
            }
        }
    }
}
