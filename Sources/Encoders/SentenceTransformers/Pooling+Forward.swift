import Matrices

extension Pooling {
    /// One vector a text, [texts, modes · hidden], from hidden states [tokens, hidden], and the way back.
    ///
    /// - Parameter promptTokens: tokens of a prompt that each text begins with, its first special token among them.
    package func forward(
        _ hidden: Matrix, _ batch: PackedBatch, promptTokens: Int = 0
    ) -> (pooled: Matrix, pullback: @Sendable (_ dPooled: Matrix) -> Matrix) {
        let width = hidden.columns
        let skipped = includesPrompt ? 0 : promptTokens
        /// For each text, its modes: what each token counts, or, for the largest, the token that each feature came from.
        var shares: [[Share]] = []
        var pooled = Matrix(rows: batch.sequences.count, columns: self.width(hiddenSize: width))
        for (text, tokens) in batch.sequences.enumerated() {
            shares.append(
                modes.map { mode in
                    guard mode == .max else {
                        return .weights(mode.weights(of: tokens, skipping: skipped))
                    }
                    return .winners(hidden.winners(among: tokens.dropFirst(skipped)))
                })
            withViews(hidden) { views in
                pooled.withMutableView { pooled in
                    for (index, share) in shares[text].enumerated() {
                        let vector = pooled[text..<text + 1, index * width..<(index + 1) * width]
                        switch share {
                        case .weights(let weights):
                            vector.setSum(of: views[0].rows(weights.tokens), weights: weights.values)
                        case .winners(let winners):
                            for (column, token) in winners.enumerated() {
                                vector.base[column] = views[0].base[token * width + column]
                            }
                        }
                    }
                }
            }
        }
        return (
            pooled,
            { [shares] dPooled in
                var dHidden = Matrix(rows: batch.tokens.count, columns: width)
                for (text, shares) in shares.enumerated() {
                    for (index, share) in shares.enumerated() {
                        withViews(dPooled) { views in
                            let dVector = views[0][text..<text + 1, index * width..<(index + 1) * width].base
                            dHidden.withMutableBuffer { share.pullBack(dVector, into: $0, width: width) }
                        }
                    }
                }
                return dHidden
            }
        )
    }
}

/// How the tokens of a text come into one vector.
private enum Share: Sendable {
    /// A sum of some tokens, each with a weight.
    case weights(Pooling.Weights)
    /// The token of each feature; empty where no token counts.
    case winners([Int])

    /// Adds the gradient of the states, which are `width` wide, for the gradient of the vector.
    func pullBack(_ dVector: UnsafePointer<Float>, into dHidden: UnsafeMutableBufferPointer<Float>, width: Int) {
        switch self {
        case .weights(let weights):
            for (token, weight) in zip(weights.tokens, weights.values) {
                let row = dHidden.extracting(token * width..<(token + 1) * width)
                for column in 0..<width { row[column] += weight * dVector[column] }
            }
        case .winners(let winners):
            for (column, token) in winners.enumerated() { dHidden[token * width + column] += dVector[column] }
        }
    }
}

extension Pooling {
    /// What each of some tokens counts.
    fileprivate struct Weights: Sendable {
        let tokens: Range<Int>
        let values: [Float]
    }
}

extension Pooling.Mode {
    /// What the tokens of a text count, all but the first `skipped`. Where a text is cut within its prompt no token is left:
    /// means and the last token are then zeros, and the first token is the text's, as in sentence-transformers.
    fileprivate func weights(of text: Range<Int>, skipping skipped: Int) -> Pooling.Weights {
        let tokens = text.dropFirst(skipped)
        if tokens.isEmpty, self != .cls { return Pooling.Weights(tokens: tokens, values: []) }
        let count = Float(tokens.count)
        switch self {
        case .cls:
            let first = tokens.first ?? text.lowerBound
            return Pooling.Weights(tokens: first..<first + 1, values: [1])
        case .lastToken:
            return Pooling.Weights(tokens: text.upperBound - 1..<text.upperBound, values: [1])
        case .mean: return Pooling.Weights(tokens: tokens, values: tokens.map { _ in 1 / count })
        case .rootMean: return Pooling.Weights(tokens: tokens, values: tokens.map { _ in 1 / count.squareRoot() })
        case .weightedMean:
            // Places count from the text's beginning, whatever is skipped.
            let places = tokens.map { Float($0 - text.lowerBound + 1) }
            let sum = places.reduce(0, +)
            return Pooling.Weights(tokens: tokens, values: places.map { $0 / sum })
        case .max: preconditionFailure("the largest is no weighted sum")
        }
    }
}

extension Matrix {
    /// The row of each column's largest number, the first of equal ones; none without rows.
    fileprivate func winners(among rows: Range<Int>) -> [Int] {
        guard let first = rows.first else { return [] }
        var winners = [Int](repeating: first, count: columns)
        withBuffer { values in
            for row in rows.dropFirst() {
                for column in 0..<columns
                where values[row * columns + column] > values[winners[column] * columns + column] {
                    winners[column] = row
                }
            }
        }
        return winners
    }
}
