import Encoders

/// The floating-point operations that a batch asks for, whatever way they are computed: a multiply-add is two.
///
/// Linear maps count 2 for each weight and token, forward, and as many backward where the gradient of their input is
/// needed: frozen weights have no gradient of their own. Attention counts 4 · length · hidden for each token and layer
/// forward, and twice that backward. Nothing counts below the lowest adapter, nor what is computed again, nor rows,
/// adapters and heads, which are a few hundredths.
package struct EncoderWork: Sendable {
    private let config: EncoderConfig
    private let tokens, squares: Double

    /// The work of texts of these lengths in tokens.
    package init(_ config: EncoderConfig, lengths: [Int]) {
        self.config = config
        tokens = Double(lengths.reduce(0, +))
        squares = lengths.reduce(0) { $0 + Double($1) * Double($1) }
    }

    /// Operations of a forward pass.
    package var forward: Double {
        Double(config.layers) * (2 * layerWeights * tokens + attention(products: 2))
    }

    /// Operations of a forward and a backward pass that reach the adapters at `sites`.
    package func training(_ sites: [Site]) -> Double {
        guard let lowest = sites.map(\.layer).min() else { return forward }
        let adapted = Set(sites.filter { $0.layer == lowest }.map(\.projection))
        var backward = backwardOfLowestLayer(adapted)
        backward += Double(config.layers - 1 - lowest) * (2 * layerWeights * tokens + attention(products: 4))
        return forward + backward
    }

    /// In the lowest layer the gradient goes down to the adapted maps, and not through them.
    private func backwardOfLowestLayer(_ adapted: Set<Projection>) -> Double {
        let attention: Set<Projection> = [.query, .key, .value, .queryKeyValue]
        let isInAttention = !adapted.isDisjoint(with: attention)
        var operations = 0.0
        if isInAttention || !adapted.isDisjoint(with: [.attentionOutput, .gate, .intermediate]) {
            operations += 2 * weights(of: .output) * tokens
        }
        if isInAttention || adapted.contains(.attentionOutput) {
            operations += 2 * (weights(of: .gate) + weights(of: .intermediate)) * tokens
        }
        guard isInAttention else { return operations }
        operations += 2 * weights(of: .attentionOutput) * tokens
        // Of dV, dP, dQ and dK those that lead to an adapter.
        let scores = adapted.isDisjoint(with: [.query, .key, .queryKeyValue]) ? 0 : 1
        let gradients = adapted.contains(.queryKeyValue) ? 3 : adapted.intersection(attention).count
        return operations + self.attention(products: scores + gradients)
    }

    private var layerWeights: Double { config.projections.reduce(0) { $0 + weights(of: $1) } }

    private func weights(of projection: Projection) -> Double {
        guard let (inputs, outputs) = config.extents(of: projection) else { return 0 }
        return Double(inputs) * Double(outputs)
    }

    /// So many products of [length, width] with [width, length], or of [length, length] with [length, width], for each head.
    private func attention(products: Int) -> Double {
        Double(products) * 2 * squares * Double(config.heads * config.headWidth)
    }
}
