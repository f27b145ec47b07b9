import Encoders
import Matrices

/// One intervention of ReFT (Wu et al. 2024): y = x + (act(x Wᵀ + b) − x Rᵀ) R, with R [rank, hidden]; without x Rᵀ in DiReFT.
struct ReftUnit: Sendable, Equatable {
    /// W [rank, hidden] and b [1, rank].
    let source, bias: Parameter
    let projection: Projection
    let subtractsProjection: Bool
    /// nil: none.
    let activation: ActivationKind?
    /// Share of y dropped in training.
    let dropoutRate: Float

    /// R, which PyTorch keeps as orthonormal rows or as it is.
    enum Projection: Sendable, Equatable {
        case free(Parameter)
        case orthogonal(OrthogonalRows)
    }

    var parameters: [Parameter] {
        switch projection {
        case .free(let weight): [source, bias, weight]
        case .orthogonal(let rows): [source, bias, rows.original]
        }
    }

    /// y [rows, hidden] of x; the pullback leaves what trains and gives dx.
    func forward(
        _ x: Matrix, _ pass: Pass
    ) -> (y: Matrix, pullback: @Sendable (_ dy: Matrix, _ gradients: inout Gradients) -> Matrix) {
        let parameters = pass.parameters
        let (rows, states): (Matrix, [Matrix]) =
            switch projection {
            case .free(let weight): (parameters[weight], [])
            case .orthogonal(let rows) where pass.demand == .nothing:
                (pass.changedMaps.matrix(of: rows.original) { rows.rows(parameters).rows }, [])
            case .orthogonal(let rows): rows.rows(parameters)
            }
        let weight = parameters[source]
        // s = act(x Wᵀ + b) − x Rᵀ
        var linear = Matrix(uninitializedRows: x.rows, columns: source.rows)
        linear.withMutableView { out in
            parameters.withView(of: bias) { bias in
                withViews(x, weight) {
                    Product.compute($0[0], PackedMatrix($0[1].transposed), bias: bias.base, into: out)
                }
            }
        }
        var s = activation.map { linear.activate($0) } ?? linear
        if subtractsProjection {
            s.withMutableView { out in
                withViews(x, rows) {
                    Product.compute($0[0], PackedMatrix($0[1].transposed), scale: -1, accumulating: true, into: out)
                }
            }
        }
        // y = x + s R
        var y = x
        y.withMutableView { out in withViews(s, rows) { Product.compute($0[0], $0[1], accumulating: true, into: out) } }
        let mask = pass.mask(source.name, rate: dropoutRate)
        if let mask { y.drop(mask) }
        guard pass.demand > .nothing else { return (y, { _, _ in .empty }) }
        return (
            y,
            { [self, s, linear] dy, gradients in
                var dy = dy
                if let mask { dy.drop(mask) }
                var ds = Matrix(uninitializedRows: dy.rows, columns: s.columns)
                ds.withMutableView { out in
                    withViews(dy, rows) { Product.compute($0[0], PackedMatrix($0[1].transposed), into: out) }
                }
                let dLinear = activation.map { linear.activatePullback(ds, $0) } ?? ds
                if pass.trains(bias) { gradients.addRowSum(of: dLinear, to: bias) }
                if pass.trains(source) {
                    withViews(dLinear, x) { gradients.addProduct($0[0].transposed, $0[1], to: source) }
                }
                addProjectionGradient(x, s, ds, dy, states, pass, to: &gradients)
                // dx = dy + dLinear W − ds R
                dy.withMutableView { dx in
                    withViews(dLinear, weight) { Product.compute($0[0], $0[1], accumulating: true, into: dx) }
                    guard subtractsProjection else { return }
                    withViews(ds, rows) { Product.compute($0[0], $0[1], scale: -1, accumulating: true, into: dx) }
                }
                return dy
            }
        )
    }

    private func addProjectionGradient(
        _ x: Matrix, _ s: Matrix, _ ds: Matrix, _ dy: Matrix, _ states: [Matrix], _ pass: Pass,
        to gradients: inout Gradients
    ) {
        // dR = sᵀ dy − dsᵀ x
        var dRows = Matrix(uninitializedRows: s.columns, columns: x.columns)
        dRows.withMutableView { out in
            withViews(s, dy) { Product.compute($0[0].transposed, $0[1], into: out) }
            guard subtractsProjection else { return }
            withViews(ds, x) { Product.compute($0[0].transposed, $0[1], scale: -1, accumulating: true, into: out) }
        }
        switch projection {
        case .free(let weight):
            guard pass.trains(weight) else { return }
            gradients.withMutableView(of: weight) { sum in dRows.withView { sum.add($0) } }
        case .orthogonal(let rows): rows.addGradient(dRows, states, pass, to: &gradients)
        }
    }
}
