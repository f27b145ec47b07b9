import Encoders
import Matrices

/// A linear layer of a head, the one that it ends in or one before: y = x Wᵀ + b, W [outputs, inputs].
public struct HeadLinear: Sendable {
    /// W [outputs, inputs].
    public let weight: Parameter
    /// b [1, outputs]; nil where there is none.
    public let bias: Parameter?

    /// A layer from vectors of one width to vectors of another.
    public init(inputs: Int, outputs: Int, name: String = "head", hasBias: Bool = true) {
        precondition(outputs > 0, "a head has outputs")
        weight = Parameter(name: name + ".weight", rows: outputs, columns: inputs)
        bias = hasBias ? Parameter(name: name + ".bias", rows: 1, columns: outputs) : nil
    }

    /// What trains.
    public var parameters: [Parameter] { [weight] + (bias.map { [$0] } ?? []) }

    /// The start of PyTorch's linear layer: W and b uniform within ±1/√inputs, a function of the seed.
    func initialize(_ values: inout ParameterVector, seed: UInt64) {
        let bound = 1 / Float(weight.columns).squareRoot()
        for parameter in parameters {
            var random = RandomStream(seed: seed, name: parameter.name)
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: (0..<parameter.count).map { _ in (2 * random.uniform() - 1) * bound })
        }
    }

    /// y [rows, outputs] of x [rows, inputs]. The pullback gives dx only where the pass demands it.
    func forward(_ x: Matrix, _ pass: Pass) -> (y: Matrix, pullback: Pullback) {
        let w = pass.parameters[weight]
        let b = bias.map { pass.parameters[$0] } ?? Matrix(rows: 1, columns: weight.rows)
        var y = Matrix(uninitializedRows: x.rows, columns: w.rows)
        withViews(x, w, b) { views in
            y.withMutableView {
                Product.compute(views[0], PackedMatrix(views[1].transposed), bias: views[2].base, into: $0)
            }
        }
        return (
            y,
            { [weight, bias] dy, gradients in
                withViews(dy, x) { views in gradients.addProduct(views[0].transposed, views[1], to: weight) }
                if let bias { gradients.addRowSum(of: dy, to: bias) }
                guard pass.demand == .parametersAndInput else { return .empty }
                var dx = Matrix(uninitializedRows: dy.rows, columns: w.columns)
                withViews(dy, w) { views in
                    dx.withMutableView { Product.compute(views[0], views[1], into: $0) }
                }
                return dx
            }
        )
    }
}
