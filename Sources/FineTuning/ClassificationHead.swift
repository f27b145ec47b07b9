import Encoders
import Matrices

/// Pooling and one linear layer: logits = pooled(hidden) Wᵀ + b, W [labels, hidden].
public struct ClassificationHead: Sendable {
    /// Label names; their places are the label ids.
    public let labels: [String]
    /// How hidden states become one vector a text.
    public let pooling: Pooling.Mode
    /// W [labels, hidden] and b [1, labels].
    public let weight, bias: Parameter

    /// A head for the given labels over hidden states of the given width.
    public init(labels: [String], hiddenSize: Int, pooling: Pooling.Mode) {
        precondition(!labels.isEmpty, "a head has labels")
        self.labels = labels
        self.pooling = pooling
        weight = Parameter(name: "head.weight", rows: labels.count, columns: hiddenSize)
        bias = Parameter(name: "head.bias", rows: 1, columns: labels.count)
    }

    /// What trains.
    public var parameters: [Parameter] { [weight, bias] }

    /// The start of PyTorch's linear layer: W and b uniform within ±1/√hidden, a function of the seed.
    public func initialize(_ values: inout ParameterVector, seed: UInt64) {
        let bound = 1 / Float(weight.columns).squareRoot()
        for parameter in parameters {
            var random = RandomStream(seed: seed, name: parameter.name)
            values[parameter] = Matrix(
                rows: parameter.rows, columns: parameter.columns,
                values: (0..<parameter.count).map { _ in (2 * random.uniform() - 1) * bound })
        }
    }

    /// Logits [texts, labels] from hidden states [tokens, hidden].
    public func forward(
        _ hidden: Matrix, _ batch: PackedBatch, _ pass: Pass
    ) -> (logits: Matrix, pullback: Pullback) {
        let (pooled, poolingPullback) = pooling.forward(hidden, batch)
        let (logits, pullback) = forward(pooled: pooled, pass)
        return (
            logits,
            { dLogits, gradients in
                let dPooled = pullback(dLogits, &gradients)
                return pass.demand == .parametersAndInput ? poolingPullback(dPooled) : .empty
            }
        )
    }

    /// Logits [texts, labels] from pooled vectors [texts, hidden].
    func forward(pooled: Matrix, _ pass: Pass) -> (logits: Matrix, pullback: Pullback) {
        let (w, b) = (pass.parameters[weight], pass.parameters[bias])
        var logits = Matrix(uninitializedRows: pooled.rows, columns: labels.count)
        withViews(pooled, w, b) { views in
            logits.withMutableView {
                Product.compute(views[0], PackedMatrix(views[1].transposed), bias: views[2].base, into: $0)
            }
        }
        return (
            logits,
            { [weight, bias] dLogits, gradients in
                withViews(dLogits, pooled) { views in
                    gradients.addProduct(views[0].transposed, views[1], to: weight)
                }
                gradients.addRowSum(of: dLogits, to: bias)
                guard pass.demand == .parametersAndInput else { return .empty }
                var dPooled = Matrix(uninitializedRows: dLogits.rows, columns: w.columns)
                withViews(dLogits, w) { views in
                    dPooled.withMutableView { Product.compute(views[0], views[1], into: $0) }
                }
                return dPooled
            }
        )
    }
}
