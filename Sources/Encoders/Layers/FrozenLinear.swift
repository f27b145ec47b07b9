import Matrices
import Synchronization

/// y = x Wᵀ + b with W [outputs, inputs] that never trains: there is no gradient code for W here.
///
/// W is packed at load for x·Wᵀ and, before the first backward, for dy·W. The unpacked numbers are read from the
/// checkpoint again where somebody asks for them (merging), so they take no memory.
public final class FrozenLinear: Sendable {
    /// Width of x.
    public let inputs: Int
    /// Width of y.
    public let outputs: Int
    /// b [outputs].
    public let bias: [Float]

    /// k [inputs]: the weight is packed for x·k instead of x (``InputEqualization``); nil: for x.
    package let inputFactors: [Float]?

    private let forwardPanels: PackedMatrix
    private let derived: Derived
    private let source: @Sendable () -> Matrix

    /// What is made of W once somebody asks.
    private final class Derived: Sendable {
        /// W packed for dy·W.
        let backwardPanels = Mutex<PackedMatrix?>(nil)
        let rowSquares = Mutex<[Double]?>(nil)
    }

    /// Packs the weight that `source` gives, [outputs, inputs]. `source` is kept and must always give the same numbers.
    package init(
        bias: [Float], precision: Precision, inputFactors: [Float]? = nil, source: @escaping @Sendable () -> Matrix
    ) {
        let weight = source()
        precondition(bias.count == weight.rows, "the bias has a number for each output")
        (inputs, outputs) = (weight.columns, weight.rows)
        self.bias = bias
        self.source = source
        self.inputFactors = inputFactors
        derived = Derived()
        let divided = inputFactors.map { weight.multiplyingColumns(by: $0.map { 1 / $0 }) } ?? weight
        forwardPanels = divided.withView { PackedMatrix($0.transposed, precision) }
    }

    /// The same weight, not packed again, with another bias.
    package init(_ other: FrozenLinear, bias: [Float]) {
        precondition(bias.count == other.outputs, "the bias has a number for each output")
        (inputs, outputs, self.bias) = (other.inputs, other.outputs, bias)
        (inputFactors, source) = (other.inputFactors, other.source)
        (forwardPanels, derived) = (other.forwardPanels, other.derived)
    }

    /// W [outputs, inputs] as the checkpoint has it, in float32.
    public var weight: Matrix { source() }

    /// How the weight is held.
    public var precision: Precision { forwardPanels.precision }

    /// Calls `body` with the weight's bytes as they are packed for x·Wᵀ.
    func withPackedBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { forwardPanels.withBytes(body) }

    /// y [tokens, outputs] from x [tokens, inputs]. The pullback adds dx = dy W, where an input gradient is asked for.
    public func forward(_ x: LinearInput, _ pass: Pass) -> (y: Matrix, pullback: LinearPullback) {
        precondition(x.values.columns == inputs, "x has \(inputs) columns")
        let mark = Profile.enter(.linearForward)
        defer { mark.leave() }
        var y = Matrix(uninitializedRows: x.values.rows, columns: outputs)
        y.withMutableView { y in
            bias.withUnsafeBufferPointer {
                Product.compute(x.operand, forwardPanels, bias: $0.baseAddress, into: y)
            }
        }
        guard pass.demand == .parametersAndInput else { return (y, { _, _, _ in }) }
        return (
            y,
            { [self] dy, _, dx in
                guard dx.isWanted else { return }
                let mark = Profile.enter(.linearBackward)
                defer { mark.leave() }
                dx.addProduct(RowOperand(dy, for: precision), packedForBackward)
            }
        )
    }

    private var packedForBackward: PackedMatrix {
        derived.backwardPanels.withLock { panels in
            if let panels { return panels }
            let packed = weight.withView { PackedMatrix($0, precision) }
            panels = packed
            return packed
        }
    }
}

extension FrozenLinear {
    /// The sum of the squares of each row of W [outputs], in float32 whatever the precision. Computed once.
    package var rowSquares: [Double] {
        derived.rowSquares.withLock { squares in
            if let squares { return squares }
            let weight = weight
            let computed = weight.withBuffer { values in
                (0..<outputs).map { row in
                    values[row * inputs..<(row + 1) * inputs].reduce(0) { $0 + Double($1) * Double($1) }
                }
            }
            squares = computed
            return computed
        }
    }

    /// rows · Wᵀ [rows, outputs], without the bias, in float32 whatever the precision.
    package func product(of rows: Matrix) -> Matrix {
        precondition(rows.columns == inputs, "rows have \(inputs) columns")
        var out = Matrix(uninitializedRows: rows.rows, columns: outputs)
        let panels =
            precision == .float32 && inputFactors == nil
            ? forwardPanels : weight.withView { PackedMatrix($0.transposed) }
        withViews(rows) { rows in out.withMutableView { Product.compute(rows[0], panels, into: $0) } }
        return out
    }
}
