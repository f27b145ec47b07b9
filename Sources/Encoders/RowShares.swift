/// What each of several tasks has for its own rows of a batch, from the first row up. Some rows may be nobody's.
struct RowShares<Owner: Sendable>: Sendable {
    /// Some rows, and what is there for them.
    struct Share: Sendable {
        let rows: Range<Int>
        let owner: Owner
    }

    private(set) var shares: [Share] = []

    /// Adds rows behind those that are there.
    mutating func append(_ rows: Range<Int>, _ owner: Owner) {
        precondition(shares.last.map { $0.rows.upperBound <= rows.lowerBound } ?? true, "shares ascend with their rows")
        shares.append(Share(rows: rows, owner: owner))
    }

    /// The shares of some rows of the batch, counted from the first of these.
    func shares(of rows: Range<Int>) -> [Share] {
        var (first, end) = (0, shares.count)
        while first < end {
            let middle = (first + end) / 2
            if shares[middle].rows.upperBound <= rows.lowerBound { first = middle + 1 } else { end = middle }
        }
        return shares[first...].prefix { $0.rows.lowerBound < rows.upperBound }.map { share in
            let own = share.rows.clamped(to: rows)
            return Share(
                rows: own.lowerBound - rows.lowerBound..<own.upperBound - rows.lowerBound, owner: share.owner)
        }
    }

    /// The same with what lies between them: all of these rows, cut where the owner changes. nil: nobody's.
    func stretches(of rows: Range<Int>) -> [(rows: Range<Int>, owner: Owner?)] {
        var stretches: [(rows: Range<Int>, owner: Owner?)] = []
        var start = 0
        for share in shares(of: rows) {
            if start < share.rows.lowerBound { stretches.append((start..<share.rows.lowerBound, nil)) }
            stretches.append((share.rows, share.owner))
            start = share.rows.upperBound
        }
        if start < rows.count { stretches.append((start..<rows.count, nil)) }
        return stretches
    }
}
