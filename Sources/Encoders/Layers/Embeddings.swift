import Matrices
import Safetensors

/// x = norm(word[token] + position[place in its text] + segment[segment]), then dropout, then a projection to the width of
/// the layers. Each part but the words may be missing. Frozen.
///
/// The word table stays in the mapped file: a batch reads the rows that it needs.
struct Embeddings: Sendable {
    let words: TensorView
    /// [positions, width]
    let positions: Matrix?
    /// The row of `positions` that belongs to the first token of a text.
    let firstPosition: Int
    /// A token that takes no position, but the row of `positions` which has its number.
    let paddingToken: Int?
    /// [segments, width]
    let segments: Matrix?
    let norm: Norm?
    let dropout: Dropout
    let projection: FrozenLinear?

    /// x [tokens, hidden]. Nothing below trains, so there is no way back.
    func forward(_ batch: PackedBatch, _ pass: Pass) -> Matrix {
        let mark = Profile.enter(.embeddings)
        defer { mark.leave() }
        let sum = sum(batch)
        var x = norm.map { $0.forward(sum, isBackwardRun: false).y } ?? sum
        if let mask = dropout.mask(pass) { x.drop(mask) }
        guard let projection else { return x }
        return projection.forward(LinearInput(x, for: projection), pass.demanding(.nothing)).y
    }

    /// The rows of the tables that belong to each token, added.
    private func sum(_ batch: PackedBatch) -> Matrix {
        var sum = Matrix(uninitializedRows: batch.tokens.count, columns: words.shape[1])
        sum.withMutableView { sum in
            withViews(positions ?? .empty, segments ?? .empty) { tables in
                Parallel.forEach(batch.sequences.count) { text in
                    var position = firstPosition
                    for token in batch.sequences[text] {
                        let row = sum.rows(token..<token + 1)
                        words.copyRow(Int(batch.tokens[token]), into: row.base)
                        if positions != nil {
                            let isPadding = paddingToken == Int(batch.tokens[token])
                            let place = isPadding ? Int(batch.tokens[token]) : position
                            row.add(tables[0].rows(place..<place + 1))
                            if !isPadding { position += 1 }
                        }
                        if segments != nil {
                            let segment = Int(batch.segments[token])
                            row.add(tables[1].rows(segment..<segment + 1))
                        }
                    }
                }
            }
        }
        return sum
    }
}
