import Matrices

/// Carries the loss gradient from an output back to its input, adding parameter gradients on the way.
///
/// Called at most once. What it needs is what it captured in the forward, no more. Where the pass asked for no input
/// gradient, the result is empty and nobody reads it.
public typealias Pullback = @Sendable (_ dy: Matrix, _ gradients: inout Gradients) -> Matrix

/// The same for a linear map, whose input others may read too: its share is added to the input's gradient.
public typealias LinearPullback =
    @Sendable (
        _ dy: Matrix, _ gradients: inout Gradients, _ dx: inout InputGradient
    ) -> Void

/// What every forward is given besides its input: the trained values, randomness if training, and what the backward
/// will be asked for.
public struct Pass: Sendable {
    /// The values of what trains, or was trained.
    public var parameters: ParameterVector {
        didSet { (changedMaps, rowChanges) = (ChangedMaps(), RowChanges()) }
    }
    /// What trains in this pass; nil: all parameters of all adapters. Others have their effect, and no gradient.
    public var trained: Set<Parameter>?
    /// Where dropout masks come from; nil: nothing is dropped.
    public var dropout: DropoutKey?
    /// Whether the frozen encoder's own dropout applies too, as its config says; without it only adapters drop.
    public var dropsInsideEncoder: Bool
    /// What the pullbacks of this pass will be asked for.
    public var demand: GradientDemand
    /// Where the rows at hand begin in the batch: rows go through a layer block by block, and dropout masks are the batch's.
    package private(set) var firstRow = 0
    /// What adapters make of whole weights with these parameters. Passes that are copies of one, with another dropout or
    /// demand, share it: the parts of a step should be such copies.
    package private(set) var changedMaps = ChangedMaps()
    /// What adapters do with rows with these parameters, for mixed batches; shared likewise.
    private(set) var rowChanges = RowChanges()

    /// A pass with the given values: for inference unless dropout or gradients are asked for.
    public init(
        parameters: ParameterVector, dropout: DropoutKey? = nil, dropsInsideEncoder: Bool = true,
        demand: GradientDemand = .nothing, trained: Set<Parameter>? = nil
    ) {
        self.parameters = parameters
        self.trained = trained
        self.dropout = dropout
        self.dropsInsideEncoder = dropsInsideEncoder
        self.demand = demand
    }

    /// Whether a parameter trains in this pass: its gradient is to be left. Where it does not, it may have no place among the
    /// gradients.
    public func trains(_ parameter: Parameter) -> Bool { trained?.contains(parameter) ?? true }

    /// The same pass with another demand.
    func demanding(_ demand: GradientDemand) -> Pass {
        var pass = self
        pass.demand = demand
        return pass
    }

    /// The same pass for something frozen, which has to give the gradient of its input or nothing.
    func wanting(_ isInputWanted: Bool) -> Pass { demanding(isInputWanted ? .parametersAndInput : .nothing) }

    /// The same pass for rows that begin at `row` of the batch.
    func startingAt(row: Int) -> Pass {
        var pass = self
        pass.firstRow = row
        return pass
    }

    /// The mask called `name` of the rows at hand, for what an adapter drops; nil where nothing is to drop.
    package func mask(_ name: String, rate: Float) -> Matrix.Mask? {
        guard rate > 0, let dropout else { return nil }
        return Matrix.Mask(rate: rate, key: dropout.key(name), firstRow: firstRow)
    }

    /// The key of a mask inside the frozen encoder, nil where nothing is to drop there.
    func encoderDropout(_ name: String, rate: Float) -> UInt64? {
        dropsInsideEncoder && rate > 0 ? dropout?.key(name) : nil
    }
}

/// What a pullback will be asked for, known in the forward so that no more is kept than that.
public enum GradientDemand: Sendable, Comparable {
    /// No pullback will be called: inference, and layers below the lowest that trains.
    case nothing
    /// Gradients of parameters, but none of the input: the lowest thing that trains.
    case parameters
    /// Gradients of parameters and of the input.
    case parametersAndInput
}

/// Names the dropout masks of one forward: a function of (seed, step, part, mask name), never of the order of drawing.
public struct DropoutKey: Sendable {
    private let stream: RandomStream

    /// The masks of the `part`-th share of a training step.
    public init(seed: UInt64, step: Int, part: Int = 0) {
        stream = RandomStream(seed: seed, name: "dropout.\(step).\(part)")
    }

    /// The key of the mask called `name`.
    package func key(_ name: String) -> UInt64 {
        var stream = stream
        var named = RandomStream(seed: stream.next(), name: name)
        return named.next()
    }
}
