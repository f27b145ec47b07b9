import Matrices

/// What stands between the linear maps of the feed-forward block: u = dropout(activation(x)), or where a gate stands before
/// it u = dropout(activation(gate) ⊙ x).
struct Activation: Sendable {
    let kind: ActivationKind
    let dropout: Dropout

    /// u [rows, columns] of x.
    func forward(_ x: Matrix, _ pass: Pass) -> (u: Matrix, pullback: @Sendable (_ du: Matrix) -> Matrix) {
        let mark = Profile.enter(.activation)
        defer { mark.leave() }
        let (u, mask) = dropped(x.activate(kind), pass)
        guard pass.demand > .nothing else { return (u, { _ in .empty }) }
        return (
            u,
            { [kind] du in
                let mark = Profile.enter(.activation)
                defer { mark.leave() }
                return x.activatePullback(Activation.dropped(du, mask), kind)
            }
        )
    }

    /// u [rows, columns] of x [rows, 2 · columns], whose first half is the gate.
    func forward(halvesOf x: Matrix, _ pass: Pass) -> (u: Matrix, pullback: @Sendable (_ du: Matrix) -> Matrix) {
        let mark = Profile.enter(.activation)
        defer { mark.leave() }
        let (u, mask) = dropped(x.gateHalves(kind), pass)
        guard pass.demand > .nothing else { return (u, { _ in .empty }) }
        return (
            u,
            { [kind] du in
                let mark = Profile.enter(.activation)
                defer { mark.leave() }
                return x.gateHalvesPullback(Activation.dropped(du, mask), kind)
            }
        )
    }

    /// u [rows, columns] of gate and x of the same shape.
    func forward(
        gate: Matrix, _ x: Matrix, _ pass: Pass
    ) -> (u: Matrix, pullback: @Sendable (_ du: Matrix) -> (dGate: Matrix, dx: Matrix)) {
        let mark = Profile.enter(.activation)
        defer { mark.leave() }
        let (u, mask) = dropped(gate.gate(kind, x), pass)
        guard pass.demand > .nothing else { return (u, { _ in (.empty, .empty) }) }
        return (
            u,
            { [kind] du in
                let mark = Profile.enter(.activation)
                defer { mark.leave() }
                let (dGate, dx) = gate.gatePullback(Activation.dropped(du, mask), kind, x)
                return (dGate, dx)
            }
        )
    }

    private func dropped(_ u: Matrix, _ pass: Pass) -> (u: Matrix, mask: Matrix.Mask?) {
        let mask = dropout.mask(pass)
        return (Activation.dropped(u, mask), mask)
    }

    private static func dropped(_ u: consuming Matrix, _ mask: Matrix.Mask?) -> Matrix {
        var u = u
        if let mask { u.drop(mask) }
        return u
    }
}
