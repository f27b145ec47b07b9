import Matrices

/// An adapter that works beside the product with the frozen weight, row by row: on the rows that go into it, on those that come
/// out, or on both. Rows of many such adapters share one product with the weight (``MixedAdapter``).
///
/// A method joins mixed batches by this conformance. One without it takes part too, with a product for its own rows.
package protocol RowwiseAdapter: LinearAdapter {
    /// What it does in inference with these values, ready for many calls: bit for bit what ``LinearAdapter/forward(_:through:_:)``
    /// does.
    func rowChange(of base: FrozenLinear, _ parameters: ParameterVector) -> any RowChange
}

/// What a ``RowwiseAdapter`` does with rows, its own values included.
package protocol RowChange: Sendable {
    /// Whether ``changeInput(_:)`` does anything.
    var changesInput: Bool { get }
    /// Changes rows x [rows, inputs] before they go into the frozen map, in place.
    func changeInput(_ x: MatrixView)
    /// Changes y [rows, outputs], which the frozen map gave of x [rows, inputs], in place.
    func changeOutput(_ y: MatrixView, of x: MatrixView)
}

extension RowChange {
    /// It does not.
    package var changesInput: Bool { false }
    /// Leaves them as they are.
    package func changeInput(_ x: MatrixView) {}
}
