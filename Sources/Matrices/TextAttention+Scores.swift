import CKernels

/// Attention whose scores have something of their own added, each one, which only its caller knows: a head at a time.
extension TextAttention {
    /// Calls `body` for each head, shared among threads; a head's texts come one after the other in their order, so that what
    /// is summed over texts, head by head, comes out the same on any number of threads.
    package func forEachHead(of texts: [Range<Int>], _ body: (_ head: Int) -> Void) {
        guard !isSmall(texts) else {
            for head in 0..<heads { body(head) }
            return
        }
        Parallel.forEach(heads, body)
    }

    /// A matrix for the scores of one head of a text, as `bias` below must be: its rows are whole lines of 16 numbers.
    package static func withScores(length: Int, _ body: (_ scores: MatrixView) -> Void) {
        let stride = (length + 15) / 16 * 16
        var scores = Matrix(uninitializedRows: length, columns: stride)
        scores.withMutableView { body($0[0..<length, 0..<length]) }
    }

    /// The context of one head of the `text`-th text, with `bias` [length, length] added to its scores.
    package func forward(
        head: Int, text: Int, rows: Range<Int>, query: MatrixView, key: MatrixView, value: MatrixView,
        bias: MatrixView, statistics: MatrixView?, into context: MatrixView
    ) {
        check(query, key, value, context)
        withHead(head, text, rows, query, key, value, bias, statistics) { call, share in
            attend(&call, share, into: context)
        }
    }

    /// The gradients of one head of a text, from that of the context; `bias` becomes that of the scores, and so its own.
    package func backward(
        head: Int, text: Int, rows: Range<Int>, query: MatrixView, key: MatrixView, value: MatrixView,
        bias: MatrixView, statistics: MatrixView, dContext: MatrixView, into gradients: Gradients
    ) {
        check(query, key, value, dContext)
        for gradient in [gradients.query, gradients.key, gradients.value] { gradient.map { check($0) } }
        withHead(head, text, rows, query, key, value, bias, statistics) { call, share in
            attendBackward(&call, share, dContext, into: gradients, dScores: bias)
        }
    }

    private func withHead(
        _ head: Int, _ text: Int, _ rows: Range<Int>, _ query: MatrixView, _ key: MatrixView, _ value: MatrixView,
        _ bias: MatrixView, _ statistics: MatrixView?, _ body: (inout GraftAttention, Share) -> Void
    ) {
        precondition(
            positionBias == nil && reach == nil, "scores that have a bias of their own have no other, and no reach")
        precondition(bias.rows == rows.count && bias.columns == rows.count, "each score has a number of the bias")
        precondition(bias.rowStride % 16 == 0 && bias.columnStride == 1, "rows of the bias are whole lines")
        let share = Share(text: text, rows: rows, heads: head..<head + 1)
        withScratch(lengths: [rows.count]) { scratch in
            withCall(share, query, key, value, statistics, scratch) { call in
                call.bias = UnsafePointer(bias.base)
                call.bias_row_stride = bias.rowStride
                body(&call, share)
            }
        }
    }
}
