import Matrices

/// Multi-head scaled dot-product attention over each text of a packed batch, between projections that live elsewhere.
///
/// For each text and head, with Q, K, V [length, width of a head]:
///
///     1. S = Q Kᵀ / √width, Q and K turned by their positions, plus a bias for the distance, where a family has them
///     2. P = softmax(S), row by row
///     3. P̃ = dropout(P)
///     4. O = P̃ V
///
/// All of it, forward and backward, is one kernel. Rows of S are worked on in blocks and never stored: the backward
/// computes them again from Q and K and from two numbers for each of a head's rows.
struct Attention: Sendable {
    let heads: Int
    /// Of one head.
    let width: Int
    let dropoutRate: Float
    /// Names the dropout mask among those of a pass.
    let name: String
    /// The encoder's. Below float32 the factors of the products are rounded to bfloat16; softmax and all sums are float32.
    let precision: Precision
    let positions: AttentionPositions

    /// The gradients of the inputs, those that are wanted.
    typealias InputPullback = @Sendable (_ dContext: Matrix) -> AttentionInputs

    /// The context [tokens, heads · width].
    func forward(
        _ inputs: AttentionInputs, _ batch: PackedBatch, wanted: AttentionInputs.Wanted, _ pass: Pass
    ) -> (context: Matrix, pullback: InputPullback?) {
        let mark = Profile.enter(.attentionForward)
        defer { mark.leave() }
        let (tokens, inputs) = (inputs.rows, turned(inputs, batch))
        let dropout = pass.encoderDropout(name, rate: dropoutRate)
        let kernel = TextAttention(
            heads: heads, width: width, precision: precision,
            dropout: dropout.map { TextAttention.Dropout(rate: dropoutRate, key: $0) }, scale: positions.scale,
            positionBias: positions.bias, reach: positions.reach)

        var context = Matrix(uninitializedRows: tokens, columns: heads * width)
        var statistics = wanted.any ? Matrix(uninitializedRows: tokens, columns: kernel.statisticsWidth) : .empty
        context.withMutableView { context in
            statistics.withMutableView { statistics in
                inputs.withViews { query, key, value in
                    kernel.forward(
                        query: query, key: key, value: value, texts: batch.sequences,
                        statistics: wanted.any ? statistics : nil, into: context)
                }
            }
        }
        guard wanted.any else { return (context, nil) }
        return (
            context,
            { [statistics, positions] dContext in
                let mark = Profile.enter(.attentionBackward)
                defer { mark.leave() }
                var gradients = AttentionInputs(gradientsOf: inputs, wanted)
                gradients.withMutableViews { dQuery, dKey, dValue in
                    inputs.withViews { query, key, value in
                        withViews(statistics, dContext) { views in
                            kernel.backward(
                                query: query, key: key, value: value, texts: batch.sequences,
                                statistics: views[0], dContext: views[1],
                                into: TextAttention.Gradients(
                                    query: wanted.query ? dQuery : nil, key: wanted.key ? dKey : nil,
                                    value: wanted.value ? dValue : nil))
                        }
                    }
                }
                if let rotary = positions.rotary {
                    gradients.withMutableViews { dQuery, dKey, _ in
                        if wanted.query { rotary.rotate(dQuery, texts: batch.sequences, inverse: true) }
                        if wanted.key { rotary.rotate(dKey, texts: batch.sequences, inverse: true) }
                    }
                }
                return gradients
            }
        )
    }

    /// Queries and keys turned by their positions, where positions are rotary.
    private func turned(_ inputs: AttentionInputs, _ batch: PackedBatch) -> AttentionInputs {
        guard let rotary = positions.rotary else { return inputs }
        var turned = inputs
        turned.withMutableViews { query, key, _ in
            rotary.rotate(query, texts: batch.sequences)
            rotary.rotate(key, texts: batch.sequences)
        }
        return turned
    }
}
