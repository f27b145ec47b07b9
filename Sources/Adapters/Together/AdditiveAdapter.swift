import Encoders

/// An adapter that adds something to what the frozen map gives, and nothing to what goes into it: so several of them can be on one
/// map at once, each with a weight.
package protocol AdditiveAdapter: RowwiseAdapter {
    /// The same, adding `weight` times as much.
    func scaled(by weight: Float) -> Self
}
