import Matrices
import Safetensors

/// x = layerNorm(word[token] + position[place in its text] + segment[segment]), then dropout. Frozen.
///
/// The word table stays in the mapped file: a batch reads the rows that it needs.
struct Embeddings: Sendable {
    let words: TensorView
    /// [maximum positions, hidden] and [segments, hidden].
    let positions, segments: Matrix
    let norm: LayerNorm
    let dropout: Dropout

    /// x [tokens, hidden]. Nothing below trains, so there is no way back.
    func forward(_ batch: PackedBatch, _ pass: Pass) -> Matrix {
        let mark = Profile.enter(.embeddings)
        defer { mark.leave() }
        let width = positions.columns
        var sum = Matrix(uninitializedRows: batch.tokens.count, columns: width)
        sum.withMutableView { sum in
            withViews(positions, segments) { tables in
                Parallel.forEach(batch.sequences.count) { text in
                    for (position, token) in batch.sequences[text].enumerated() {
                        let row = sum.rows(token..<token + 1)
                        words.copyRow(Int(batch.tokens[token]), into: row.base)
                        row.add(tables[0].rows(position..<position + 1))
                        let segment = Int(batch.segments[token])
                        row.add(tables[1].rows(segment..<segment + 1))
                    }
                }
            }
        }
        var x = Matrix(uninitializedRows: sum.rows, columns: width)
        x.withMutableView {
            _ = sum.norm(.layer, gamma: norm.gamma, beta: norm.beta, epsilon: norm.epsilon, keeping: false, into: $0)
        }
        if let mask = dropout.mask(pass) { x.drop(mask) }
        return x
    }
}
