import Matrices

/// Drops elements of a hidden state in training, as transformers does in its training mode: y = mask ⊙ x / (1 − rate).
///
/// The mask is recomputed from its key in the backward, never stored.
struct Dropout: Sendable {
    let rate: Float
    /// Names the mask among those of a pass: "layer.3.attentionOutput".
    let name: String

    /// The mask of the rows at hand; nil where nothing is to drop.
    func mask(_ pass: Pass) -> Matrix.Mask? {
        pass.encoderDropout(name, rate: rate).map { Matrix.Mask(rate: rate, key: $0, firstRow: pass.firstRow) }
    }
}
