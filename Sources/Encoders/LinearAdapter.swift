import Matrices

/// The one way to change a frozen linear map. Adding a method means adding a conformance.
public protocol LinearAdapter: Sendable {
    /// What can train, in a fixed order. Where some of it does not in a pass, ``Pass/trains(_:)`` says so.
    var parameters: [Parameter] { get }
    /// Those of ``parameters`` that start at zero behind others that do not, as LoRA's B: they bear a higher rate (LoRA+,
    /// Hayou et al. 2024).
    var upperParameters: [Parameter] { get }
    /// Those of ``parameters`` that never train, though they are saved with the others, as A of LoRA-FA.
    var fixedParameters: [Parameter] { get }
    /// Those of ``parameters`` that weight decay leaves alone: biases, and what would not go back to the base as it shrinks.
    var undecayedParameters: [Parameter] { get }
    /// Makes of a step's gradients, clipped, what an optimizer is to see of them. Asked only of adapters that have
    /// ``fixedParameters``.
    func condition(_ gradients: inout Gradients, _ parameters: ParameterVector)
    /// y from x [tokens, inputs] through the frozen map and the adapter, and the way back. The tokens may be some rows of a
    /// batch: whatever is random about them comes from ``Pass/mask(_:rate:)``.
    func forward(
        _ x: LinearInput, through base: FrozenLinear, _ pass: Pass
    ) -> (y: Matrix, pullback: LinearPullback)
}

extension LinearAdapter {
    /// None.
    public var upperParameters: [Parameter] { [] }
    /// None.
    public var fixedParameters: [Parameter] { [] }
    /// None.
    public var undecayedParameters: [Parameter] { [] }
    /// They stay as they are.
    public func condition(_ gradients: inout Gradients, _ parameters: ParameterVector) {}
}

/// An adapter whose effect is a change of weight and bias, so that it can be merged into them.
public protocol MergeableAdapter: LinearAdapter {
    /// The new weight [outputs, inputs].
    func merged(into base: FrozenLinear, _ parameters: ParameterVector) -> Matrix
    /// The new bias [outputs].
    func mergedBias(into base: FrozenLinear, _ parameters: ParameterVector) -> [Float]
}

extension MergeableAdapter {
    /// The bias as it is.
    public func mergedBias(into base: FrozenLinear, _ parameters: ParameterVector) -> [Float] { base.bias }
}
