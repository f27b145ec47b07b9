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
/// Rows of S are worked on in blocks and never stored: the backward computes them again from Q and K.
struct Attention: Sendable {
    let heads: Int
    let dropoutRate: Float
    /// Names the dropout mask among those of a pass.
    let name: String

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
        let dropoutKey = pass.encoderDropout(name, rate: dropoutRate)
        /// Calls `body` with each head of each text, and where its tokens and columns are.
        @Sendable func forEachHead(
            _ query: MatrixView, _ key: MatrixView, _ value: MatrixView,
            _ body: (Head, _ tokens: Range<Int>, _ columns: Range<Int>) -> Void
        ) {
            let width = query.columns / heads
            Parallel.forEach(batch.sequences.count * heads) { index in
                let (tokens, head) = (batch.sequences[index / heads], index % heads)
                let columns = head * width..<(head + 1) * width
                let mask = dropoutKey.map { Head.Mask(rate: dropoutRate, key: $0, stream: UInt64(index)) }
                body(
                    Head(
                        query: query[tokens, columns], key: key[tokens, columns], value: value[tokens, columns],
                        mask: mask), tokens, columns)
            }
        }

        var context = Matrix(uninitializedRows: query.rows, columns: query.columns)
        context.withMutableView { context in
            withViews(query, key, value) { views in
                forEachHead(views[0], views[1], views[2]) { head, tokens, columns in
                    head.forward(into: context[tokens, columns])
                }
            }
        }
        return (
            context,
            { dContext in
                let mark = Profile.enter(.attentionBackward)
                defer { mark.leave() }
                func gradient(_ isWanted: Bool) -> Matrix {
                    isWanted ? Matrix(uninitializedRows: query.rows, columns: query.columns) : .empty
                }
                var (dQuery, dKey, dValue) = (gradient(wanted.query), gradient(wanted.key), gradient(wanted.value))
                withMutableViews(&dQuery, &dKey, &dValue) { dQuery, dKey, dValue in
                    withViews(query, key, value, dContext) { views in
                        forEachHead(views[0], views[1], views[2]) { head, tokens, columns in
                            head.backward(
                                views[3][tokens, columns],
                                dQuery: wanted.query ? dQuery[tokens, columns] : nil,
                                dKey: wanted.key ? dKey[tokens, columns] : nil,
                                dValue: wanted.value ? dValue[tokens, columns] : nil)
                        }
                    }
                }
                return (dQuery, dKey, dValue)
            }
        )
    }
}

/// One head of one text: views of its Q, K and V.
private struct Head {
    let query, key, value: MatrixView
    /// nil where nothing is dropped.
    let mask: Mask?

    /// The dropout mask of one head of one text.
    struct Mask {
        let rate: Float
        let key: UInt64
        /// Keeps heads and texts apart.
        let stream: UInt64
    }

    var scale: Float { 1 / Float(query.columns).squareRoot() }

    var length: Int { query.rows }

    /// Rows of S at a time: as many as fit 128 KB, so that the block stays in the second-level cache.
    var blocks: [Range<Int>] {
        let rows = max(8, min(length, 32_768 / length))
        return stride(from: 0, to: length, by: rows).map { $0..<min($0 + rows, length) }
    }

    func scratch() -> Matrix { Matrix(uninitializedRows: blocks[0].count, columns: length) }

    /// Steps 1 and 2 for some rows: P into `p`.
    func probabilities(_ rows: Range<Int>, _ packedKey: PackedMatrix, into p: MatrixView) {
        Product.compute(query.rows(rows), packedKey, into: p)
        p.softmax(scale: scale)
    }

    /// Step 3 for some rows, and its backward: `out` = mask ⊙ `x` / (1 − rate).
    func drop(_ x: MatrixView, _ rows: Range<Int>, into out: MatrixView) {
        guard let mask else { return }
        x.drop(
            rate: mask.rate, key: mask.key, first: mask.stream << 32 + UInt64(rows.lowerBound * length), into: out)
    }

    func forward(into context: MatrixView) {
        let packedKey = PackedMatrix(key.transposed)
        var scores = scratch()
        for rows in blocks {
            scores.withMutableView { scores in
                let p = scores.rows(0..<rows.count)
                probabilities(rows, packedKey, into: p)
                drop(p, rows, into: p)
                Product.compute(p, value, into: context.rows(rows))
            }
        }
    }

    func backward(_ dContext: MatrixView, dQuery: MatrixView?, dKey: MatrixView?, dValue: MatrixView?) {
        let packedKey = PackedMatrix(key.transposed)
        let packedValue = PackedMatrix(value.transposed)
        var (scores, dropped, dScores) = (scratch(), scratch(), scratch())
        for rows in blocks {
            let isLater = rows.lowerBound > 0
            scores.withMutableView { scores in
                dropped.withMutableView { dropped in
                    dScores.withMutableView { dScores in
                        let p = scores.rows(0..<rows.count)
                        let dP = dScores.rows(0..<rows.count)
                        probabilities(rows, packedKey, into: p)
                        // 4. O = P̃ V, so dV = P̃ᵀ dO and dP̃ = dO Vᵀ
                        if let dValue {
                            let pDropped = mask == nil ? p : dropped.rows(0..<rows.count)
                            drop(p, rows, into: pDropped)
                            Product.compute(
                                pDropped.transposed, dContext.rows(rows), accumulating: isLater, into: dValue)
                        }
                        guard dQuery != nil || dKey != nil else { return }
                        Product.compute(dContext.rows(rows), packedValue, into: dP)
                        // 3. dP = mask ⊙ dP̃ / (1 − rate)
                        drop(dP, rows, into: dP)
                        // 2. dS = P ⊙ (dP − rowsum(dP ⊙ P)), with the 1/√width of step 1
                        dP.softmaxPullback(probabilities: p, scale: scale)
                        // 1. S = Q Kᵀ / √width, so dQ = dS K and dK = dSᵀ Q
                        if let dQuery { Product.compute(dP, key, into: dQuery.rows(rows)) }
                        if let dKey {
                            Product.compute(dP.transposed, query.rows(rows), accumulating: isLater, into: dKey)
                        }
                    }
                }
            }
        }
    }
}
