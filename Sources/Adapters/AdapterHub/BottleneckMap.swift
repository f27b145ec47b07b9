import Encoders
import Matrices

/// One of the two linear maps of a bottleneck: y = x H + b, with H [inputs, outputs] dense or a sum of Kronecker products.
struct BottleneckMap: Sendable, Equatable {
    let inputs, outputs: Int
    let weight: Weight
    /// b [1, outputs]; nil: none.
    let bias: Parameter?

    enum Weight: Sendable, Equatable {
        /// W [outputs, inputs] with H = Wᵀ.
        case dense(Parameter)
        case hypercomplex(HypercomplexWeight)
    }

    /// The weight's, then the bias.
    var parameters: [Parameter] {
        switch weight {
        case .dense(let weight): [weight] + [bias].compactMap { $0 }
        case .hypercomplex(let weight): weight.parameters + [bias].compactMap { $0 }
        }
    }

    /// y [rows, outputs] of x [rows, inputs]; the pullback leaves what trains and gives dx.
    func forward(
        _ x: Matrix, _ pass: Pass
    ) -> (y: Matrix, pullback: @Sendable (_ dy: Matrix, _ gradients: inout Gradients) -> Matrix) {
        let h = pass.changedMaps.factor(of: key("H")) { packed(pass.parameters, isTransposed: false) }
        var y = Matrix(uninitializedRows: x.rows, columns: outputs)
        y.withMutableView { y in
            x.withView { x in
                guard let bias else { return Product.compute(x, h, into: y) }
                pass.parameters.withView(of: bias) { Product.compute(x, h, bias: $0.base, into: y) }
            }
        }
        guard pass.demand > .nothing else { return (y, { _, _ in .empty }) }
        return (
            y,
            { [self] dy, gradients in
                if let bias, pass.trains(bias) { gradients.addRowSum(of: dy, to: bias) }
                addWeightGradient(x, dy, pass, to: &gradients)
                let h = pass.changedMaps.factor(of: key("Hᵀ")) { packed(pass.parameters, isTransposed: true) }
                var dx = Matrix(uninitializedRows: dy.rows, columns: inputs)
                dx.withMutableView { dx in dy.withView { Product.compute($0, h, into: dx) } }
                return dx
            }
        )
    }

    private func addWeightGradient(_ x: Matrix, _ dy: Matrix, _ pass: Pass, to gradients: inout Gradients) {
        switch weight {
        case .dense(let weight):
            guard pass.trains(weight) else { return }
            // dW = dyᵀ x
            withViews(dy, x) { gradients.addProduct($0[0].transposed, $0[1], to: weight) }
        case .hypercomplex(let weight):
            guard weight.parameters.contains(where: pass.trains) else { return }
            // dH = xᵀ dy
            var d = Matrix(uninitializedRows: inputs, columns: outputs)
            d.withMutableView { d in withViews(x, dy) { Product.compute($0[0].transposed, $0[1], into: d) } }
            weight.addGradient(d, pass, to: &gradients)
        }
    }

    /// What H, or Hᵀ, is called among what is made of the values of a pass. Maps may share some parameters, not all.
    private func key(_ factor: String) -> Parameter {
        Parameter(
            name: factor + " of " + parameters.map(\.name).joined(separator: ", "), rows: inputs, columns: outputs)
    }

    /// H, or Hᵀ, packed.
    private func packed(_ parameters: ParameterVector, isTransposed: Bool) -> PackedMatrix {
        switch weight {
        case .dense(let weight):
            parameters.withView(of: weight) { PackedMatrix(isTransposed ? $0 : $0.transposed) }
        case .hypercomplex(let weight):
            weight.values(parameters).withView { PackedMatrix(isTransposed ? $0.transposed : $0) }
        }
    }
}
