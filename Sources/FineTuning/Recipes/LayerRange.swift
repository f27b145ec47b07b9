/// Layers as people write them: "3-5,7".
package enum LayerRange {
    /// More than any encoder has; a range is spelled out in memory.
    private static let limit = 10_000

    /// Numbers and ranges of numbers with commas between them, sorted, each number once; nil for other text.
    package static func layers(in text: String) -> [Int]? {
        var layers: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { end in
                end.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(end) : nil
            }
            guard ends.count <= 2, let first = ends[0], let last = ends[ends.count - 1], first <= last, last < limit
            else { return nil }
            layers.formUnion(first...last)
        }
        return layers.sorted()
    }

    /// "3-5,7" of layers.
    package static func text(_ layers: some Sequence<Int>) -> String {
        var ranges: [ClosedRange<Int>] = []
        for layer in Set(layers).sorted() {
            if let last = ranges.last, last.upperBound + 1 == layer {
                ranges[ranges.count - 1] = last.lowerBound...layer
            } else {
                ranges.append(layer...layer)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ",")
    }
}
