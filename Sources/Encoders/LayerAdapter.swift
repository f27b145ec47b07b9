import Matrices

/// What changes the result of a whole layer, by the places of tokens in their texts: ReFT.
public protocol LayerAdapter: Sendable {
    /// What can train, in a fixed order. Where some of it does not in a pass, ``Pass/trains(_:)`` says so.
    var parameters: [Parameter] { get }
    /// What the next layer reads, of what this one gives, both [tokens, hidden]. The pullback gives the gradient of what was
    /// given; nothing where the pass does not ask for it.
    func forward(_ x: Matrix, _ batch: PackedBatch, _ pass: Pass) -> (y: Matrix, pullback: Pullback)
}
