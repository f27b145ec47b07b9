import Matrices

/// How well each first text of pairs or triplets finds its second one, by the cosine, among all second texts and negatives of
/// the data.
///
/// A text that stands there several times counts once. What is as near as the right one stands before it, so embeddings that
/// are all alike find nothing.
public struct RankingMetrics: Sendable, Equatable, Codable {
    /// The number of pairs or triplets, and of different texts to find them among.
    public let examples, candidates: Int
    /// The rank of each second text, from 1.
    public let ranks: [Int]
    /// Triplets whose second text is nearer than the negative; nil for pairs.
    public let nearer: Int?

    /// The depths that recall is told at.
    public static let depths = [1, 5, 10]

    /// Ranks of the embeddings [texts, width] of some examples.
    ///
    /// - Parameter contents: of each text, alike for texts that are the same.
    /// - Precondition: there is at least one example.
    public init(_ embeddings: Matrix, _ examples: [RelatedRows], contents: [UInt64]) {
        precondition(!examples.isEmpty, "scores need an example")
        precondition(contents.count == embeddings.rows, "each text has a content")
        let unit = UnitRows(embeddings)
        var seen: [UInt64: Int] = [:]
        var candidates: [Int] = []
        for row in examples.map(\.second) + examples.compactMap(\.negative) where seen[contents[row]] == nil {
            seen[contents[row]] = candidates.count
            candidates.append(row)
        }
        let others = unit.values.gathering(candidates).withView { PackedMatrix($0.transposed) }
        var ranks: [Int] = []
        // In blocks: memory does not grow with the square of the data.
        for start in stride(from: 0, to: examples.count, by: RankingMetrics.blockRows) {
            let block = examples[start..<min(start + RankingMetrics.blockRows, examples.count)]
            let firsts = unit.values.gathering(block.map(\.first))
            var cosines = Matrix(uninitializedRows: firsts.rows, columns: candidates.count)
            firsts.withView { view in cosines.withMutableView { Product.compute(view, others, into: $0) } }
            cosines.withBuffer { cosines in
                for (row, example) in block.enumerated() {
                    let own = seen[contents[example.second]] ?? 0
                    let row = cosines[row * candidates.count..<(row + 1) * candidates.count]
                    let least = row[row.startIndex + own]
                    // Not a number is never nearer, nor is anything nearer than that.
                    ranks.append(least.isFinite ? row.count { $0 >= least } : candidates.count)
                }
            }
        }
        (self.examples, self.candidates, self.ranks) = (examples.count, candidates.count, ranks)
        let triplets = examples.compactMap { example in
            example.negative.map { unit.cosine(example.first, example.second) > unit.cosine(example.first, $0) }
        }
        nearer = triplets.isEmpty ? nil : triplets.count { $0 }
    }

    private static let blockRows = 256

    /// The share of texts whose partner is among the nearest so many.
    public func recall(at depth: Int) -> Double { Double(ranks.count { $0 <= depth }) / Double(examples) }

    /// The mean over texts of 1 / rank.
    public var meanReciprocalRank: Double { ranks.reduce(0) { $0 + 1 / Double($1) } / Double(examples) }

    /// The share of triplets whose second text is nearer than the negative.
    public var tripletAccuracy: Double? { nearer.map { Double($0) / Double(examples) } }
}
