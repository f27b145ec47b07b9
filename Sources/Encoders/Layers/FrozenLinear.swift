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

    private let forwardPanels: PackedMatrix
    private let backwardPanels = Mutex<PackedMatrix?>(nil)
    private let source: @Sendable () -> Matrix

    /// Packs the weight that `source` gives, [outputs, inputs]. `source` is kept and must always give the same numbers.
    package init(bias: [Float], source: @escaping @Sendable () -> Matrix) {
        let weight = source()
        precondition(bias.count == weight.rows, "the bias has a number for each output")
        (inputs, outputs) = (weight.columns, weight.rows)
        self.bias = bias
        self.source = source
        forwardPanels = weight.withView { PackedMatrix($0.transposed) }
    }

    /// W [outputs, inputs] as the checkpoint has it, in float32.
    public var weight: Matrix { source() }

    /// y [tokens, outputs] from x [tokens, inputs]. The pullback gives dx = dy W, or nothing where no input gradient is
    /// asked for.
    public func forward(_ x: Matrix, _ pass: Pass) -> (y: Matrix, pullback: Pullback) {
        precondition(x.columns == inputs, "x has \(inputs) columns")
        let mark = Profile.enter(.linearForward)
        defer { mark.leave() }
        var y = Matrix(uninitializedRows: x.rows, columns: outputs)
        y.withMutableView { y in
            x.withView { x in
                bias.withUnsafeBufferPointer {
                    Product.compute(x, forwardPanels, bias: $0.baseAddress, into: y)
                }
            }
        }
        guard pass.demand == .parametersAndInput else { return (y, { _, _ in .empty }) }
        return (
            y,
            { [self] dy, _ in
                let mark = Profile.enter(.linearBackward)
                defer { mark.leave() }
                let weight = packedForBackward
                var dx = Matrix(uninitializedRows: dy.rows, columns: inputs)
                dx.withMutableView { dx in dy.withView { dy in Product.compute(dy, weight, into: dx) } }
                return dx
            }
        )
    }

    private var packedForBackward: PackedMatrix {
        backwardPanels.withLock { panels in
            if let panels { return panels }
            let packed = weight.withView { PackedMatrix($0) }
            panels = packed
            return packed
        }
    }
}
