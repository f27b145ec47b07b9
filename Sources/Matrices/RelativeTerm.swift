/// One of the two terms by which relative positions enter the scores of one head: each token's query, or key, times the
/// table's row for its distance to each other token.
///
/// Tokens go some at a time, so that their products with the rows that they meet are little wider than the text is long, and
/// stay in cache.
struct RelativeTerm {
    /// Whose rows are multiplied with the table's: a query's products become a row of the scores, a key's a column.
    enum Side { case query, key }

    let side: Side
    /// The head's queries or keys, of the whole batch [tokens, width].
    private let content: MatrixView
    /// The head's columns of the table [2 · span, width], upside down for queries (``RelativeTexts``), …
    private let table: MatrixView
    /// … and those of its rows that any token meets, from ``firstRow`` on, as columns.
    private let transposed: Matrix
    private let firstRow: Int
    private let scale: Float
    private let texts: RelativeTexts

    init(_ side: Side, content: MatrixView, table: MatrixView, scale: Float, _ texts: RelativeTexts) {
        let table = side == .query ? table.upsideDown : table
        (self.side, self.content, self.table) = (side, content, table)
        (self.scale, self.texts) = (scale, texts)
        let met = texts.met(side)
        var transposed = Matrix(uninitializedRows: table.columns, columns: met.count)
        transposed.withMutableView { $0.setTransposed(of: table.rows(met), accumulating: false) }
        (self.transposed, firstRow) = (transposed, met.lowerBound)
    }

    /// `scores` [length, length] of a text become the term, or have it added to what they hold.
    func compute(_ text: Int, accumulating: Bool, into scores: MatrixView) {
        forEachBlock(of: text) { tokens, content, met, places in
            var products = Matrix(uninitializedRows: tokens.count, columns: met.count)
            products.withMutableView { products in
                transposed.withView {
                    let columns = met.lowerBound - firstRow..<met.upperBound - firstRow
                    Product.compute(content, $0[0..<$0.rows, columns], scale: scale, into: products)
                }
                gather(products, places, of: tokens, accumulating: accumulating, into: scores)
            }
        }
    }

    /// Adds to the gradients of the head's queries or keys [tokens, width], and of its columns of the table, from that of the
    /// scores of a text.
    func pullback(_ text: Int, _ dScores: MatrixView, dContent: MatrixView?, dTable: MatrixView?) {
        guard dContent != nil || dTable != nil else { return }
        let dTable = side == .query ? dTable?.upsideDown : dTable
        forEachBlock(of: text) { tokens, content, met, places in
            var dProducts = Matrix(uninitializedRows: tokens.count, columns: met.count)
            dProducts.withMutableView { dProducts in
                scatter(dScores, places, of: tokens, into: dProducts)
                if let dContent {
                    Product.compute(
                        dProducts, table.rows(met), scale: scale, accumulating: true,
                        into: dContent.rows(texts.rows[text]).rows(tokens))
                }
                if let dTable {
                    Product.compute(
                        dProducts.transposed, content, scale: scale, accumulating: true, into: dTable.rows(met))
                }
            }
        }
    }

    /// Calls `body` for blocks of a text's tokens, with their rows of the content and with the rows of the table that they meet.
    private func forEachBlock(
        of text: Int,
        _ body: (_ tokens: Range<Int>, _ content: MatrixView, _ met: Range<Int>, _ places: DistanceScores) -> Void
    ) {
        let (rows, places) = (texts.rows[text], texts.places(text, side))
        for first in stride(from: 0, to: rows.count, by: 64) {
            let tokens = first..<min(first + 64, rows.count)
            body(tokens, content.rows(rows).rows(tokens), places.rows(of: tokens), places)
        }
    }

    /// From the products of some tokens to their rows of the scores, or their columns.
    private func gather(
        _ products: MatrixView, _ places: DistanceScores, of tokens: Range<Int>, accumulating: Bool,
        into scores: MatrixView
    ) {
        if side == .query, !accumulating { return places.gather(products, of: tokens, into: scores.rows(tokens)) }
        var own = Matrix(uninitializedRows: tokens.count, columns: scores.rows)
        own.withMutableView { own in
            places.gather(products, of: tokens, into: own)
            switch side {
            case .query: scores.rows(tokens).add(own)
            case .key: scores[0..<scores.rows, tokens].setTransposed(of: own, accumulating: accumulating)
            }
        }
    }

    /// The way back.
    private func scatter(
        _ dScores: MatrixView, _ places: DistanceScores, of tokens: Range<Int>, into dProducts: MatrixView
    ) {
        if side == .query { return places.scatter(dScores.rows(tokens), of: tokens, into: dProducts) }
        var own = Matrix(uninitializedRows: tokens.count, columns: dScores.rows)
        own.withMutableView { own in
            own.setTransposed(of: dScores[0..<dScores.rows, tokens], accumulating: false)
            places.scatter(own, of: tokens, into: dProducts)
        }
    }
}
