/// Attention whose scores also tell how contents and relative positions go together (He et al. 2021, "DeBERTa"), of each text
/// of a batch over itself.
///
/// For each text and head, with Q, K, V [length, width] and the head's columns A and B of the tables of relative positions,
/// projected, [2 · span, width], r(i − j) being the row for a distance:
///
///     1. T = s · Q Aᵀ, U = s · K Bᵀ, with s = 1/√(width · (1 + number of tables))
///     2. C(i, j) = T(i, r(i − j)) + U(j, r(i − j))
///     3. context = dropout(softmax(s · Q Kᵀ + C)) V
///
/// Either table may be absent, and its term with it. 3, forward and backward, is the kernel of ``TextAttention``; C is made
/// for one head of one text at a time, and again in the backward. 1 and 2 are in float32, in blocks of rows, with those rows
/// of the tables only that the block's tokens meet.
package struct DisentangledTextAttention: Sendable {
    private let heads, width: Int
    private let distances: DisentangledDistances
    private let precision: Precision
    private let dropout: TextAttention.Dropout?

    /// `width` is that of one head; `precision` is that of 3, as in ``TextAttention``.
    package init(
        heads: Int, width: Int, distances: DisentangledDistances, precision: Precision = .float32,
        dropout: TextAttention.Dropout? = nil
    ) {
        (self.heads, self.width, self.distances) = (heads, width, distances)
        (self.precision, self.dropout) = (precision, dropout)
    }

    /// What is read: queries, keys and values [tokens, heads · width], and tables [2 · span, heads · width].
    package struct Inputs {
        let query, key, value: MatrixView
        let positionKey, positionQuery: MatrixView?

        /// `positionKey` is A, `positionQuery` is B; at least one of them is there.
        package init(
            query: MatrixView, key: MatrixView, value: MatrixView, positionKey: MatrixView?, positionQuery: MatrixView?
        ) {
            (self.query, self.key, self.value) = (query, key, value)
            (self.positionKey, self.positionQuery) = (positionKey, positionQuery)
        }
    }

    /// Gradients to compute, each of the shape of what it is of; nil where not wanted. Those of the tables are added to what
    /// is there.
    package struct Gradients {
        let query, key, value, positionKey, positionQuery: MatrixView?

        package init(
            query: MatrixView?, key: MatrixView?, value: MatrixView?, positionKey: MatrixView?,
            positionQuery: MatrixView?
        ) {
            (self.query, self.key, self.value) = (query, key, value)
            (self.positionKey, self.positionQuery) = (positionKey, positionQuery)
        }
    }

    /// How many numbers for each token the forward keeps for the backward.
    package var statisticsWidth: Int { 2 * heads }

    /// The context of `texts`, ranges of rows. `statistics` [tokens, ``statisticsWidth``], if any, is what the backward
    /// will ask for.
    package func forward(
        _ inputs: Inputs, texts: [Range<Int>], statistics: MatrixView?, into context: MatrixView
    ) {
        let kernel = kernel(inputs)
        forEachScores(of: inputs, texts, kernel) { head, text, rows, _, scores in
            kernel.forward(
                head: head, text: text, rows: rows, query: inputs.query, key: inputs.key, value: inputs.value,
                bias: scores, statistics: statistics, into: context)
        }
    }

    /// The gradients of the same inputs as the forward's, from that of the context.
    package func backward(
        _ inputs: Inputs, texts: [Range<Int>], statistics: MatrixView, dContext: MatrixView, into gradients: Gradients
    ) {
        let kernel = kernel(inputs)
        forEachScores(of: inputs, texts, kernel) { head, text, rows, terms, scores in
            // 3.: the scores become their gradients
            kernel.backward(
                head: head, text: text, rows: rows, query: inputs.query, key: inputs.key, value: inputs.value,
                bias: scores, statistics: statistics, dContext: dContext,
                into: TextAttention.Gradients(query: gradients.query, key: gradients.key, value: gradients.value))
            // 2., 1.
            for term in terms {
                let isOfQuery = term.side == .query
                term.pullback(
                    text, scores,
                    dContent: (isOfQuery ? gradients.query : gradients.key).map { columns(of: head, $0) },
                    dTable: (isOfQuery ? gradients.positionKey : gradients.positionQuery).map { columns(of: head, $0) })
            }
        }
    }

    /// Attention as it would be without positions, by the same scale.
    private func kernel(_ inputs: Inputs) -> TextAttention {
        TextAttention(heads: heads, width: width, precision: precision, dropout: dropout, scale: scale(inputs))
    }

    /// s
    private func scale(_ inputs: Inputs) -> Float {
        let tables = [inputs.positionKey, inputs.positionQuery].compactMap { $0 }
        precondition(!tables.isEmpty, "scores that positions have no part in are those of plain attention")
        for table in tables {
            precondition(
                table.rows == 2 * distances.span && table.columns == heads * width,
                "a table of relative positions is [2 · span, heads · width]")
        }
        return 1 / Float(width * (1 + tables.count)).squareRoot()
    }

    /// Calls `body` for each head of each text with its terms and with C, in an order in which sums over the texts of a head
    /// come out the same on any number of threads.
    private func forEachScores(
        of inputs: Inputs, _ texts: [Range<Int>], _ kernel: TextAttention,
        _ body: (_ head: Int, _ text: Int, _ rows: Range<Int>, _ terms: [RelativeTerm], _ scores: MatrixView) -> Void
    ) {
        let (scale, relative) = (scale(inputs), RelativeTexts(texts, distances))
        kernel.forEachHead(of: texts) { head in
            let sides = [
                (RelativeTerm.Side.query, inputs.query, inputs.positionKey), (.key, inputs.key, inputs.positionQuery),
            ]
            let terms = sides.compactMap { side, content, table in
                table.map {
                    RelativeTerm(
                        side, content: columns(of: head, content), table: columns(of: head, $0), scale: scale, relative)
                }
            }
            for (text, rows) in texts.enumerated() {
                TextAttention.withScores(length: rows.count) { scores in
                    // 1., 2.
                    for (index, term) in terms.enumerated() {
                        term.compute(text, accumulating: index > 0, into: scores)
                    }
                    body(head, text, rows, terms, scores)
                }
            }
        }
    }

    private func columns(of head: Int, _ view: MatrixView) -> MatrixView {
        view[0..<view.rows, head * width..<(head + 1) * width]
    }
}
