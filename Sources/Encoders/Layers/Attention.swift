import Matrices

/// Multi-head scaled dot-product attention over each text of a packed batch, between projections that live elsewhere.
///
/// For each text and head, with Q, K, V [length, width of a head]:
///
///     1. S = Q Kᵀ / √width
///     2. P = softmax(S), row by row
///     3. P̃ = dropout(P)
///     4. O = P̃ V
///
/// All of it, forward and backward, is one kernel. Rows of S are worked on in blocks and never stored: the backward
/// computes them again from Q and K and from two numbers for each of a head's rows.
struct Attention: Sendable {
    let heads: Int
    let dropoutRate: Float
    /// Names the dropout mask among those of a pass.
    let name: String
    /// The encoder's. Below float32 the factors of the products are rounded to bfloat16; softmax and all sums are float32.
    let precision: Precision

    /// Which of the three inputs anybody wants a gradient of.
    struct Wanted { var query, key, value: Bool }

    /// The gradients of the inputs; empty where not wanted.
    typealias InputPullback = @Sendable (_ dContext: Matrix) -> (query: Matrix, key: Matrix, value: Matrix)

    /// The context [tokens, hidden] from query, key and value of the same shape.
    func forward(
        _ query: Matrix, _ key: Matrix, _ value: Matrix, _ batch: PackedBatch, wanted: Wanted, _ pass: Pass
    ) -> (context: Matrix, pullback: InputPullback) {
        let mark = Profile.enter(.attentionForward)
        defer { mark.leave() }
        let (tokens, hidden) = (query.rows, query.columns)
        let dropout = pass.encoderDropout(name, rate: dropoutRate)
        let kernel = TextAttention(
            heads: heads, width: hidden / heads, precision: precision,
            dropout: dropout.map { TextAttention.Dropout(rate: dropoutRate, key: $0) })
        let isBackwardRun = wanted.query || wanted.key || wanted.value

        var context = Matrix(uninitializedRows: tokens, columns: hidden)
        var statistics =
            isBackwardRun ? Matrix(uninitializedRows: tokens, columns: kernel.statisticsWidth) : .empty
        context.withMutableView { context in
            statistics.withMutableView { statistics in
                withViews(query, key, value) { views in
                    kernel.forward(
                        query: views[0], key: views[1], value: views[2], texts: batch.sequences,
                        statistics: isBackwardRun ? statistics : nil, into: context)
                }
            }
        }
        guard isBackwardRun else { return (context, { _ in (.empty, .empty, .empty) }) }
        return (
            context,
            { [statistics] dContext in
                let mark = Profile.enter(.attentionBackward)
                defer { mark.leave() }
                func gradient(_ isWanted: Bool) -> Matrix {
                    isWanted ? Matrix(uninitializedRows: tokens, columns: hidden) : .empty
                }
                var (dQuery, dKey, dValue) = (gradient(wanted.query), gradient(wanted.key), gradient(wanted.value))
                withMutableViews(&dQuery, &dKey, &dValue) { dQuery, dKey, dValue in
                    withViews(query, key, value, statistics, dContext) { views in
                        kernel.backward(
                            query: views[0], key: views[1], value: views[2], texts: batch.sequences,
                            statistics: views[3], dContext: views[4],
                            into: TextAttention.Gradients(
                                query: wanted.query ? dQuery : nil, key: wanted.key ? dKey : nil,
                                value: wanted.value ? dValue : nil))
                    }
                }
                return (dQuery, dKey, dValue)
            }
        )
    }
}
