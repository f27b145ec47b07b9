import Matrices

/// What changes the result of a block around its residual sum and norm: bottlenecks, and fusions of them.
///
/// Rows do not meet in it: it is called with some rows of a batch at a time.
public protocol BlockAdapter: Sendable {
    /// What can train, in a fixed order. Where some of it does not in a pass, ``Pass/trains(_:)`` says so.
    var parameters: [Parameter] { get }
    /// Those of ``parameters`` that stand behind others, as the way up of a bottleneck: they bear a higher rate.
    var upperParameters: [Parameter] { get }
    /// What the encoder goes on with, [rows, hidden], of the block's result and of the residual that it is added to, both
    /// [rows, hidden]. `sum` is what the encoder would do with the two; whether an adapter does it before, behind or not at
    /// all is its own business.
    func forward(
        _ result: Matrix, _ residual: Matrix, _ sum: BlockSum, _ pass: Pass
    ) -> (y: Matrix, pullback: BlockPullback)
}

extension BlockAdapter {
    /// None.
    public var upperParameters: [Parameter] { [] }
}

/// The gradients of a block's result and of the residual, of that of what the encoder goes on with. Where the pass did not ask
/// for the gradient of the input, both are empty.
public typealias BlockPullback =
    @Sendable (_ dy: Matrix, _ gradients: inout Gradients) -> (dResult: Matrix, dResidual: Matrix)

/// What a frozen encoder does with a block's result and the residual: their sum, and behind it a norm in post-norm encoders.
public struct BlockSum: Sendable {
    private let norm: Norm?
    /// Whether the encoder adds the residual after what an adapter gives, which then leaves that to it.
    public let isBehindAdapter: Bool

    init(norm: Norm?, isBehindAdapter: Bool = false) { (self.norm, self.isBehindAdapter) = (norm, isBehindAdapter) }

    /// Whether there is a norm behind the sum.
    public var hasNorm: Bool { norm != nil }

    /// norm(s), or s where there is no norm. The pullback gives ds.
    package func normalize(
        _ s: Matrix, _ pass: Pass
    ) -> (y: Matrix, pullback: @Sendable (_ dy: Matrix, _ gradients: inout Gradients) -> Matrix) {
        guard let norm else { return (s, { dy, _ in dy }) }
        return norm.forward(s, isBackwardRun: pass.demand > .nothing)
    }
}
