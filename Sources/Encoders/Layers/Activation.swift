import Matrices

/// Between the linear maps of the feed-forward block: u = dropout(activation(x)), or of two maps' outputs
/// u = dropout(activation(gate) ⊙ x).
struct Activation: Sendable {
    let kind: ActivationKind
    let dropout: Dropout

    /// u [rows, columns] of x.
    func forward(_ x: Matrix, _ pass: Pass) -> (u: Matrix, pullback: @Sendable (_ du: Matrix) -> Matrix) {
        let mark = Profile.enter(.activation)
        defer { mark.leave() }
        let mask = dropout.mask(pass)
        var u = x.gelu(tanhForm: kind == .geluTanh)
        if let mask { u.drop(mask) }
        guard pass.demand > .nothing else { return (u, { _ in .empty }) }
        return (
            u,
            { [kind] du in
                let mark = Profile.enter(.activation)
                defer { mark.leave() }
                var du = du
                if let mask { du.drop(mask) }
                return x.geluPullback(du, tanhForm: kind == .geluTanh)
            }
        )
    }
}
