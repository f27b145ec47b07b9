import Matrices

/// gelu between the two linear maps of the feed-forward block.
struct Activation: Sendable {
    /// Tanh approximation (`gelu_new`, `gelu_pytorch_tanh`) instead of the exact form by erf (`gelu`).
    let tanhForm: Bool

    func forward(_ x: Matrix, _ pass: Pass) -> (y: Matrix, pullback: Pullback) {
        let mark = Profile.enter(.activation)
        defer { mark.leave() }
        let y = x.activate(tanhForm ? .geluTanh : .gelu)
        guard pass.demand > .nothing else { return (y, { _, _ in .empty }) }
        return (
            y,
            { [tanhForm] dy, _ in
                let mark = Profile.enter(.activation)
                defer { mark.leave() }
                return x.activatePullback(dy, tanhForm ? .geluTanh : .gelu)
            }
        )
    }
}
