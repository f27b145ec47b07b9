/// How rows are cut into blocks for work in which they do not meet.
///
/// The cut depends on the number of rows alone: gradients are summed block by block, and must come out the same on any
/// number of threads.
enum RowBlocks {
    /// Rows of a block, at most: in the feed-forward part of a layer of 384 × 1,536, about 700 KB of states.
    private static let most = 96

    /// Blocks of nearly the same size, an even number of them where there are many, for two threads share them evenly.
    static func ranges(of rows: Int) -> [Range<Int>] {
        guard rows > most / 2 else { return [0..<rows] }
        let count = (rows + 2 * most - 1) / (2 * most) * 2
        return (0..<count).map { $0 * rows / count..<($0 + 1) * rows / count }
    }
}
