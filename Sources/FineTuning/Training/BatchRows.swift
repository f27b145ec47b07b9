import Encoders
import Matrices

/// The rows of some texts of a batch: how a task that reads a part of it picks its own, and gives their gradient back.
struct BatchRows: Sendable {
    /// Those texts alone.
    let batch: PackedBatch
    /// The rows of each in the whole batch; nil where they are all of its texts, in its order.
    private let ranges: [Range<Int>]?
    /// Rows of the whole batch.
    private let count: Int

    init(of positions: [Int], in batch: PackedBatch) {
        count = batch.tokens.count
        guard positions != Array(batch.sequences.indices) else {
            (self.batch, ranges) = (batch, nil)
            return
        }
        let ranges = positions.map { batch.sequences[$0] }
        var own = PackedBatch()
        for range in ranges { own.append(tokens: Array(batch.tokens[range]), segments: Array(batch.segments[range])) }
        (self.batch, self.ranges) = (own, ranges)
    }

    /// The rows, end to end, of `states` [rows of the whole batch, columns].
    func gather(_ states: Matrix) -> Matrix {
        guard let ranges else { return states }
        var own = Matrix(uninitializedRows: batch.tokens.count, columns: states.columns)
        let columns = states.columns
        states.withBuffer { states in
            own.withMutableBuffer { own in
                var start = 0
                for range in ranges {
                    let source = UnsafeBufferPointer(
                        rebasing: states[range.lowerBound * columns..<range.upperBound * columns])
                    _ = UnsafeMutableBufferPointer(rebasing: own[start..<start + source.count])
                        .update(fromContentsOf: source)
                    start += source.count
                }
            }
        }
        return own
    }

    /// Adds the gradient of the gathered rows to that of the whole batch, which may be empty still.
    func add(_ share: Matrix, to whole: inout Matrix) {
        if ranges == nil, whole.count == 0 {
            whole = share
            return
        }
        if whole.count == 0 { whole = Matrix(rows: count, columns: share.columns) }
        let columns = share.columns
        share.withBuffer { share in
            whole.withMutableBuffer { whole in
                var start = 0
                for range in ranges ?? [0..<count] {
                    for index in range.lowerBound * columns..<range.upperBound * columns {
                        whole[index] += share[start]
                        start += 1
                    }
                }
            }
        }
    }
}
