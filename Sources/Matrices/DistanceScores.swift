import CKernels

/// Scores of one text that are products with a row of a table, of which each distance has one: as a gather from the products
/// with all rows that are met, and back.
///
/// "Own" is the token that a product is of, "other" the token that it is scored with. Rows ascend with other − own.
struct DistanceScores: Sendable {
    /// Of the text.
    private let length: Int
    /// The table's rows for the distances other − own, from −(length − 1) on.
    private let rows: [Int32]
    /// Where in ``rows`` each is one more than the one before: those of near distances, which are copied at once.
    private let run: Range<Int>

    /// `row` is asked for each distance, other − own.
    init(length: Int, row: (_ distance: Int) -> Int) {
        let rows = length > 0 ? (1 - length...length - 1).map { Int32(row($0)) } : []
        (self.length, self.rows) = (length, rows)
        precondition(zip(rows, rows.dropFirst()).allSatisfy { $0 <= $1 }, "rows ascend with the distance")
        var (low, high) = (max(0, length - 1), length)
        while low > 0, low < rows.count, rows[low - 1] + 1 == rows[low] { low -= 1 }
        while high < rows.count, rows[high] == rows[high - 1] + 1 { high += 1 }
        run = min(low, rows.count)..<min(high, rows.count)
    }

    /// The table's rows that some tokens meet, as a range.
    func rows(of own: Range<Int>) -> Range<Int> {
        guard !own.isEmpty else { return 0..<0 }
        return Int(rows[length - own.upperBound])..<Int(rows[2 * length - 2 - own.lowerBound]) + 1
    }

    /// `scores` [own, length] from the products of the tokens `own` with the table's ``rows(of:)``.
    func gather(_ products: MatrixView, of own: Range<Int>, into scores: MatrixView) {
        forEachToken(own, products, scores) { row, run, product, score in
            for other in 0..<run.lowerBound { score[other] = product[Int(row[other])] }
            if !run.isEmpty {
                (score + run.lowerBound).update(from: product + Int(row[run.lowerBound]), count: run.count)
            }
            for other in run.upperBound..<length { score[other] = product[Int(row[other])] }
        }
    }

    /// The way back: the gradient of the products from that of the scores.
    func scatter(_ dScores: MatrixView, of own: Range<Int>, into dProducts: MatrixView) {
        for row in 0..<dProducts.rows {
            (dProducts.base + row * dProducts.rowStride).update(repeating: 0, count: dProducts.columns)
        }
        forEachToken(own, dProducts, dScores) { row, run, dProduct, dScore in
            for other in 0..<run.lowerBound { dProduct[Int(row[other])] += dScore[other] }
            if !run.isEmpty {
                Kernels.table.add(
                    1, dScore + run.lowerBound, dProduct + Int(row[run.lowerBound]), run.count)
            }
            for other in run.upperBound..<length { dProduct[Int(row[other])] += dScore[other] }
        }
    }

    /// Calls `body` for each token with the table's row for each other token, and those of them that are one ``run``; and with
    /// the token's products, row 0 of the table first, wherever that is, and its scores.
    private func forEachToken(
        _ own: Range<Int>, _ products: MatrixView, _ scores: MatrixView,
        _ body: (
            _ rows: UnsafePointer<Int32>, _ run: Range<Int>, _ products: UnsafeMutablePointer<Float>,
            _ scores: UnsafeMutablePointer<Float>
        ) -> Void
    ) {
        let met = rows(of: own)
        precondition(own.upperBound <= length, "tokens lie within the text")
        precondition(products.rows == own.count && products.columns == met.count, "a product for each row that is met")
        precondition(scores.rows == own.count && scores.columns == length, "a score for each other token")
        precondition(products.columnStride == 1 && scores.columnStride == 1, "columns lie side by side")
        rows.withUnsafeBufferPointer { rows in
            for (index, token) in own.enumerated() {
                // The place of other token 0.
                let first = length - 1 - token
                let low = min(max(run.lowerBound - first, 0), length)
                body(
                    rows.start + first, low..<min(max(run.upperBound - first, low), length),
                    products.base + index * products.rowStride - met.lowerBound,
                    scores.base + index * scores.rowStride)
            }
        }
    }
}
