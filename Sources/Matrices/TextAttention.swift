import CKernels

/// Attention of each text of a batch over itself, all heads of a text side by side in its rows.
///
/// Queries, keys, values and whatever has their shape are [tokens, heads · width], each a matrix of its own or columns of
/// a wider one. A score is scale · q·k + bias, where each head may have a bias for each distance, and it may be that tokens
/// only attend to those within reach.
package struct TextAttention: Sendable {
    let heads: Int
    let width: Int
    /// How the factors of products are held; never int8, whose steps are too coarse for probabilities.
    let format: GraftFormat
    let dropout: Dropout?
    let scale: Float
    let positionBias: PositionBias?
    let reach: Int?

    /// Which probabilities are dropped: a function of the key, the text's place in the batch, head, row and column.
    package struct Dropout: Sendable {
        let rate: Float
        let key: UInt64

        package init(rate: Float, key: UInt64) {
            precondition(rate >= 0 && rate < 1, "a dropout rate is at least 0 and less than 1")
            (self.rate, self.key) = (rate, key)
        }
    }

    /// `width` is that of one head; `precision` is the encoder's. Below float32, products are in bfloat16. `scale` is
    /// 1/√width if nil. Token i attends to the tokens j with |i − j| ≤ `reach`, to all if nil.
    package init(
        heads: Int, width: Int, precision: Precision = .float32, dropout: Dropout? = nil, scale: Float? = nil,
        positionBias: PositionBias? = nil, reach: Int? = nil
    ) {
        precondition(heads > 0 && width > 0, "attention has heads, and they have a width")
        precondition(scale.map { $0 > 0 } ?? true, "a scale of scores is more than 0")
        precondition(reach.map { $0 >= 0 } ?? true, "a token reaches at least itself")
        precondition(positionBias.map { $0.heads == heads } ?? true, "a position bias is for as many heads")
        (self.heads, self.width, self.dropout) = (heads, width, dropout)
        self.scale = scale ?? 1 / Float(width).squareRoot()
        (self.positionBias, self.reach) = (positionBias, reach)
        format = precision == .float32 ? GRAFT_FLOAT32 : GRAFT_BFLOAT16
    }

    /// Gradients to compute; nil where not wanted.
    package struct Gradients {
        let query, key, value: MatrixView?

        package init(query: MatrixView?, key: MatrixView?, value: MatrixView?) {
            (self.query, self.key, self.value) = (query, key, value)
        }
    }

    /// How many numbers for each token the forward keeps for the backward.
    package var statisticsWidth: Int { 2 * heads }

    /// What one call of the kernel computes: some heads of one text.
    struct Share {
        let text: Int
        let rows: Range<Int>
        let heads: Range<Int>
    }

    /// The context of `texts`, ranges of rows. `statistics` [tokens, ``statisticsWidth``], if any, is what the backward
    /// will ask for.
    package func forward(
        query: MatrixView, key: MatrixView, value: MatrixView, texts: [Range<Int>], statistics: MatrixView?,
        into context: MatrixView
    ) {
        check(query, key, value, context)
        share(texts) { share, scratch in
            withCall(share, query, key, value, statistics, scratch) { call in
                attend(&call, share, into: context)
            }
        }
    }

    /// The gradients of the same queries, keys and values as the forward's, from that of the context.
    package func backward(
        query: MatrixView, key: MatrixView, value: MatrixView, texts: [Range<Int>], statistics: MatrixView,
        dContext: MatrixView, into gradients: Gradients
    ) {
        check(query, key, value, dContext)
        for gradient in [gradients.query, gradients.key, gradients.value] { gradient.map { check($0) } }
        share(texts) { share, scratch in
            withCall(share, query, key, value, statistics, scratch) { call in
                attendBackward(&call, share, dContext, into: gradients, dScores: nil)
            }
        }
    }

    func check(_ views: MatrixView...) {
        for view in views {
            precondition(view.columns == heads * width, "the heads lie side by side in the columns")
            precondition(view.columnStride == 1, "columns of heads lie side by side")
        }
    }

    private func start(of view: MatrixView, _ share: Share) -> UnsafeMutablePointer<Float> {
        precondition(share.rows.upperBound <= view.rows, "a text lies within the rows")
        return view.base + share.rows.lowerBound * view.rowStride + share.heads.lowerBound * width
    }

    func attend(_ call: inout GraftAttention, _ share: Share, into context: MatrixView) {
        call.context = start(of: context, share)
        call.context_stride = context.rowStride
        Kernels.table.attention(&call)
    }

    func attendBackward(
        _ call: inout GraftAttention, _ share: Share, _ dContext: MatrixView, into gradients: Gradients,
        dScores: MatrixView?
    ) {
        var wanted = GraftAttentionGradients(
            context: start(of: dContext, share), context_stride: dContext.rowStride,
            query: gradients.query.map { start(of: $0, share) }, key: gradients.key.map { start(of: $0, share) },
            value: gradients.value.map { start(of: $0, share) }, query_stride: gradients.query?.rowStride ?? 0,
            key_stride: gradients.key?.rowStride ?? 0, value_stride: gradients.value?.rowStride ?? 0,
            scores: dScores?.base, scores_head_stride: 0, scores_row_stride: dScores?.rowStride ?? 0)
        Kernels.table.attention_backward(&call, &wanted)
    }

    /// Calls `body` with all that forward and backward have in common.
    func withCall(
        _ share: Share, _ query: MatrixView, _ key: MatrixView, _ value: MatrixView, _ statistics: MatrixView?,
        _ scratch: UnsafeMutablePointer<Float>, _ body: (inout GraftAttention) -> Void
    ) {
        let (rows, firstHead) = (share.rows, share.heads.lowerBound)
        precondition(rows.count < 1 << 16, "a text has fewer than 65,536 tokens")
        var call = GraftAttention(
            format: format, length: rows.count, heads: share.heads.count, width: width,
            query: start(of: query, share), key: start(of: key, share), value: start(of: value, share),
            query_stride: query.rowStride, key_stride: key.rowStride, value_stride: value.rowStride, scale: scale,
            reach: reach ?? rows.count, bias: nil, bias_head_stride: 0, bias_row_stride: 0,
            dropout_rate: dropout?.rate ?? 0, dropout_stream: UInt32(share.text * heads + firstHead),
            dropout_key: dropout?.key ?? 0,
            statistics: statistics.map { $0.base + rows.lowerBound * statisticsWidth + firstHead * 2 * rows.count },
            scratch: scratch, context: nil, context_stride: 0)
        guard let positionBias else { return body(&call) }
        positionBias.withAddress(ofHead: firstHead, length: rows.count) { address in
            call.bias = address
            call.bias_head_stride = positionBias.headStride
            call.bias_row_stride = -1
            body(&call)
        }
    }

    /// Calls `body` with what the kernel needs besides, for any of texts of these lengths.
    func withScratch(lengths: [Int], _ body: (UnsafeMutablePointer<Float>) -> Void) {
        let counts = lengths.map { Kernels.table.attention_scratch(format, $0, width, reach ?? $0) }
        var scratch = Matrix(uninitializedRows: 1, columns: counts.max() ?? 0)
        scratch.withMutableBuffer { body($0.start) }
    }

    /// Whether a batch is done sooner than another thread wakes up.
    func isSmall(_ texts: [Range<Int>]) -> Bool {
        let scores = texts.reduce(0) { $0 + $1.count * min($1.count, 2 * (reach ?? $1.count) + 1) }
        return scores * heads * width < 1 << 19
    }

    /// Calls `body` for all heads of all texts, with scratch: all heads of a text at once, or shared among threads.
    private func share(_ texts: [Range<Int>], _ body: (Share, UnsafeMutablePointer<Float>) -> Void) {
        guard !isSmall(texts), !Parallel.isSerial else {
            return withScratch(lengths: texts.map(\.count)) { scratch in
                for text in texts.indices { body(Share(text: text, rows: texts[text], heads: 0..<heads), scratch) }
            }
        }
        let shares = min(heads, (4 * Parallel.threads + texts.count - 1) / texts.count)
        Parallel.forEach(texts.count * shares) { index in
            let (text, share) = (index / shares, index % shares)
            let heads = share * heads / shares..<(share + 1) * heads / shares
            withScratch(lengths: [texts[text].count]) {
                body(Share(text: text, rows: texts[text], heads: heads), $0)
            }
        }
    }
}
