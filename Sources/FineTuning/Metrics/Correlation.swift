/// How two lists of numbers go together, from −1 to 1; 0 where one of them does not vary, of which scipy says nothing (nan).
public enum Correlation {
    /// Pearson's: how near to a straight line.
    ///
    /// - Precondition: the lists are as long.
    public static func pearson(_ x: [Double], _ y: [Double]) -> Double {
        precondition(x.count == y.count, "a correlation is of as many numbers on both sides")
        guard !x.isEmpty else { return 0 }
        let (meanX, meanY) = (x.reduce(0, +) / Double(x.count), y.reduce(0, +) / Double(y.count))
        var (product, squareX, squareY) = (0.0, 0.0, 0.0)
        for (x, y) in zip(x, y) {
            product += (x - meanX) * (y - meanY)
            squareX += (x - meanX) * (x - meanX)
            squareY += (y - meanY) * (y - meanY)
        }
        guard squareX > 0, squareY > 0 else { return 0 }
        return max(-1, min(1, product / (squareX * squareY).squareRoot()))
    }

    /// Spearman's: Pearson's of the ranks, so how near to any rising line.
    public static func spearman(_ x: [Double], _ y: [Double]) -> Double { pearson(ranks(x), ranks(y)) }

    /// The place of each number in ascending order, from 1; equal numbers share the mean of their places.
    static func ranks(_ x: [Double]) -> [Double] {
        let order = x.indices.sorted { x[$0] < x[$1] }
        var ranks = [Double](repeating: 0, count: x.count)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, x[order[end]] == x[order[start]] { end += 1 }
            for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
            start = end
        }
        return ranks
    }
}
