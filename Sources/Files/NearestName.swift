/// The name that somebody who wrote another one may have meant.
package enum NearestName {
    /// The candidate with the fewest insertions, deletions and replacements of characters away from `name`, the first of
    /// several; nil if even that one differs in more than half of the characters.
    package static func to(_ name: String, among candidates: [String]) -> String? {
        let name = Array(name.utf8)
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let other = Array(candidate.utf8)
            let limit = min(best?.distance ?? .max, max(name.count, other.count) / 2 + 1)
            guard abs(name.count - other.count) < limit else { continue }
            let distance = distance(name, other)
            if distance < limit { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// The Levenshtein distance, row by row.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let replaced = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
