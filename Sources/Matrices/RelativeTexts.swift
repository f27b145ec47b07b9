/// The texts of a batch, and which rows of a table of relative positions their tokens meet.
struct RelativeTexts: Sendable {
    /// Of each text, in the batch.
    let rows: [Range<Int>]
    /// By the texts' lengths.
    private let queryPlaces, keyPlaces: [Int: DistanceScores]
    private let longest: Int

    init(_ rows: [Range<Int>], _ distances: DisentangledDistances) {
        func places(_ row: (_ distance: Int) -> Int) -> [Int: DistanceScores] {
            Dictionary(uniqueKeysWithValues: Set(rows.map(\.count)).map { ($0, DistanceScores(length: $0, row: row)) })
        }
        self.rows = rows
        longest = rows.map(\.count).max() ?? 0
        // A query looks at keys, a key at queries: row(query's position − key's) either way. So that rows ascend for queries
        // too, they read the table upside down.
        queryPlaces = places { 2 * distances.span - 1 - distances.row(-$0) }
        keyPlaces = places { distances.row($0) }
    }

    func places(_ text: Int, _ side: RelativeTerm.Side) -> DistanceScores {
        guard let places = (side == .query ? queryPlaces : keyPlaces)[rows[text].count] else {
            preconditionFailure("each length has its places")
        }
        return places
    }

    /// The rows of the table that any text meets.
    func met(_ side: RelativeTerm.Side) -> Range<Int> {
        (side == .query ? queryPlaces : keyPlaces)[longest]?.rows(of: 0..<longest) ?? 0..<0
    }
}
