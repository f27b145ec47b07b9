/// What each head adds to a score for the distance between its two tokens alone. Frozen.
package struct PositionBias: Sendable {
    /// The most tokens that a text may have.
    package let maximum: Int
    /// [heads, 2 · maximum − 1], the distances −(maximum − 1) … maximum − 1 side by side.
    private let values: Matrix

    /// `bias` is asked once for each head and each distance, key's position − query's position, of less than `maximum`.
    package init(heads: Int, maximum: Int, _ bias: (_ head: Int, _ distance: Int) -> Float) {
        precondition(heads > 0 && maximum > 0, "a position bias has heads and distances")
        let distances = 1 - maximum...maximum - 1
        self.maximum = maximum
        values = Matrix(
            rows: heads, columns: distances.count,
            values: (0..<heads).flatMap { head in distances.map { bias(head, $0) } })
    }

    var heads: Int { values.rows }
    /// From one head's bias to the next one's.
    var headStride: Int { values.columns }

    /// Calls `body` with the address of a head's bias at distance 0, for a text of this length.
    func withAddress(ofHead head: Int, length: Int, _ body: (UnsafePointer<Float>) -> Void) {
        precondition(length <= maximum, "a text of \(length) tokens is longer than a position bias of \(maximum)")
        values.withBuffer { body($0.start + head * headStride + maximum - 1) }
    }
}
