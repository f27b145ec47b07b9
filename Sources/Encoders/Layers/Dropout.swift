import Matrices

/// Drops elements of a hidden state in training, as transformers does in its training mode: y = mask ⊙ x / (1 − rate).
///
/// The mask is recomputed from its key in the backward, never stored.
struct Dropout: Sendable {
    let rate: Float
    /// Names the mask among those of a pass: "layer.3.attentionOutput".
    let name: String

    /// Changes `x` in place and gives what changes dy likewise.
    func apply(to x: inout Matrix, _ pass: Pass) -> (@Sendable (inout Matrix) -> Void) {
        guard let key = pass.encoderDropout(name, rate: rate) else { return { _ in } }
        let mark = Profile.enter(.dropout)
        defer { mark.leave() }
        x.drop(rate: rate, key: key)
        return { [rate] dy in
            let mark = Profile.enter(.dropout)
            defer { mark.leave() }
            dy.drop(rate: rate, key: key)
        }
    }
}
