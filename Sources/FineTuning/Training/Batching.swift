import Encoders
import Matrices
import Tokenizers

/// Cuts texts into packed batches: no padding, longest texts first, about the same number of tokens in each.
///
/// The cut depends on the lengths alone, never on the number of threads, so that the sums over parts come out the same.
enum Batching {
    /// Tokens of a part: enough to keep the products busy, few enough that a layer's states stay in the second-level cache and
    /// a part's activations small. One long text, or a dozen short ones.
    static let tokenBudget = 384

    /// The texts at `indices`, shared among parts of at most `tokenBudget` tokens (a longer text is a part of its own).
    ///
    /// Whole steps are cut into a multiple of four parts (two, or one, where there is little to do), so that as many
    /// threads end at about the same time.
    static func parts(_ indices: [Int], lengths: [Int]) -> [[Int]] {
        let total = indices.reduce(0) { $0 + lengths[$1] }
        let least = (total + tokenBudget - 1) / tokenBudget
        let multiple = total >= 2048 ? 4 : total >= 256 ? 2 : 1
        let count = min(indices.count, (least + multiple - 1) / multiple * multiple)
        // Longest first into the part that has least: no part is far from the mean.
        let sorted = indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
        var parts = [[Int]](repeating: [], count: count)
        var tokens = [Int](repeating: 0, count: count)
        for index in sorted {
            let part = tokens.indices.min { (tokens[$0], $0) < (tokens[$1], $1) } ?? 0
            parts[part].append(index)
            tokens[part] += lengths[index]
        }
        return parts
    }

    /// The results of `body` for each of so many parts, in order. The threads share the parts; of a single one they share the
    /// loops inside it.
    static func map<Result>(_ count: Int, _ body: (_ part: Int) -> Result) -> [Result] {
        count == 1 ? [Parallel.keepingAwake { body(0) }] : Parallel.map(count, body)
    }

    /// The packed batch of the given texts.
    static func pack(_ indices: [Int], _ texts: [TokenizedText]) -> PackedBatch {
        var batch = PackedBatch()
        for index in indices { batch.append(tokens: texts[index].ids, segments: texts[index].segments) }
        return batch
    }
}
