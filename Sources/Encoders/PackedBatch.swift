import Matrices

/// The tokens of several texts end to end, and which range is which text. No padding, no mask.
public struct PackedBatch: Sendable {
    /// Token ids, text after text.
    public private(set) var tokens: [Int32] = []
    /// Segment ids (0, or 1 for the second text of a pair), one for each token.
    public private(set) var segments: [Int32] = []
    /// The range of each text in `tokens`.
    public private(set) var sequences: [Range<Int>] = []

    /// No texts yet.
    public init() {}

    /// Adds a text. `segments` has one id for each token; it must not be empty.
    public mutating func append(tokens: [Int32], segments: [Int32]) {
        precondition(!tokens.isEmpty && tokens.count == segments.count, "a text has tokens, each with a segment")
        sequences.append(self.tokens.count..<self.tokens.count + tokens.count)
        self.tokens += tokens
        self.segments += segments
    }

    /// The texts whose tokens these are, in a batch of their own.
    func texts(in rows: Range<Int>) -> PackedBatch {
        var batch = PackedBatch()
        for text in sequences where text.lowerBound >= rows.lowerBound && text.upperBound <= rows.upperBound {
            batch.append(tokens: Array(tokens[text]), segments: Array(segments[text]))
        }
        precondition(batch.tokens.count == rows.count, "rows are those of whole texts")
        return batch
    }
}

// MARK: Virtual tokens

extension PackedBatch {
    /// The same texts, each behind `count` virtual tokens: −1, −2, … of the first segment.
    func behindVirtualTokens(_ count: Int) -> PackedBatch {
        var longer = PackedBatch()
        let virtual = (0..<count).map { -1 - Int32($0) }
        for text in sequences {
            longer.append(
                tokens: virtual + tokens[text], segments: [Int32](repeating: 0, count: count) + segments[text])
        }
        return longer
    }

    /// Rows of the texts' own tokens, each text's behind `virtual` rows; zeros where these are nil.
    func spread(_ own: Matrix, behind virtual: Matrix?, count: Int) -> Matrix {
        var spread = Matrix(rows: own.rows + sequences.count * count, columns: own.columns)
        spread.withMutableView { spread in
            withViews(own, virtual ?? .empty) { views in
                for (index, text) in sequences.enumerated() {
                    let start = text.lowerBound + (index + 1) * count
                    if virtual != nil { spread.rows(start - count..<start).copy(views[1]) }
                    spread.rows(start..<start + text.count).copy(views[0].rows(text))
                }
            }
        }
        return spread
    }

    /// The rows of the texts' own tokens, out of rows of which each text has `count` more before.
    func own(_ rows: Matrix, behind count: Int) -> Matrix {
        var own = Matrix(uninitializedRows: tokens.count, columns: rows.columns)
        own.withMutableView { own in
            rows.withView { rows in
                for (index, text) in sequences.enumerated() {
                    let start = text.lowerBound + (index + 1) * count
                    own.rows(text).copy(rows.rows(start..<start + text.count))
                }
            }
        }
        return own
    }

    /// The `count` rows before each text's own, added text after text: the gradient of what all texts have before them.
    func virtualSum(of rows: Matrix, count: Int) -> Matrix {
        var sum = Matrix(rows: count, columns: rows.columns)
        sum.withMutableView { sum in
            rows.withView { rows in
                for (index, text) in sequences.enumerated() {
                    let start = text.lowerBound + index * count
                    sum.add(rows.rows(start..<start + count))
                }
            }
        }
        return sum
    }
}
