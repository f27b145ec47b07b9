import Matrices

/// DeBERTa's table of relative positions, and what it is projected by. Frozen.
struct RelativePositions: Sendable {
    /// [2 · span, hidden], after its norm, the same in all layers.
    let table: Matrix
    let dropout: Dropout
    /// What queries, and what keys, are multiplied with.
    let key, query: Term

    /// How the table is projected for one of the two.
    enum Term: Sendable {
        /// The model has no such term.
        case absent
        /// By the projection of the tokens.
        case shared
        /// By a map of its own, which no adapter changes.
        case own(FrozenLinear)

        var isShared: Bool { if case .shared = self { true } else { false } }
    }

    /// Where the table's rows begin as far as dropout masks are concerned: behind any batch's.
    static let firstRow = 1 << 32

    /// Some rows of the table.
    func rows(_ range: Range<Int>, _ pass: Pass) -> Matrix {
        var rows = table.rows(range)
        if let mask = dropout.mask(pass.startingAt(row: range.lowerBound)) { rows.drop(mask) }
        return rows
    }
}

extension DisentangledDistances {
    /// The rows of the table that tokens of a text of this length meet.
    func rows(within length: Int) -> Range<Int> { row(1 - length)..<row(length - 1) + 1 }
}

extension EncoderConfig {
    /// Which terms relative positions have in the scores of attention (He et al. 2021).
    struct Disentangled: Sendable, Equatable {
        let distances: DisentangledDistances
        /// "c2p" and "p2c".
        let contentToPosition, positionToContent: Bool
        /// Whether the table goes through the projections of tokens.
        let sharesProjections: Bool
        /// Whether the table has a layer norm.
        let normsTable: Bool
    }
}
