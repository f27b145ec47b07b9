/// A text on its way through the normalizers: its scalars, and where in the original text each one comes from.
struct NormalizedText {
    private(set) var scalars: [UInt32]
    /// Where the original of a scalar starts, in scalars of the original text.
    private(set) var starts: [Int32]
    /// Where it ends.
    private(set) var ends: [Int32]
    /// Where the original of the whole starts.
    private let origin: Int32

    /// A text not yet changed, which starts at `origin` in a longer one.
    init(_ scalars: some Sequence<UInt32>, origin: Int = 0) {
        self.scalars = Array(scalars)
        self.origin = Int32(origin)
        starts = (0..<Int32(self.scalars.count)).map { $0 + Int32(origin) }
        ends = starts.map { $0 + 1 }
    }

    var count: Int { scalars.count }

    /// The original's range behind a range of scalars that is not empty.
    func original(of range: Range<Int>) -> Range<Int> {
        Int(starts[range.lowerBound])..<Int(ends[range.upperBound - 1])
    }

    /// A scalar of a changed text, and how it relates to the text before.
    struct Change {
        let scalar: UInt32
        /// 1: it is new and shares the origin of what stands before it. 0: it takes the next scalar's place.
        /// −n: it takes the next scalar's place, and n more after that one are gone.
        var change: Int
    }

    /// Puts changed scalars in place of all.
    ///
    /// The convention is that of the Rust library, kept because it decides what an offset is where scalars changed
    /// order or composed: origins are handed out in the order of the text before.
    mutating func replace(with changes: [Change], skipping skipped: Int = 0) {
        var (newStarts, newEnds): ([Int32], [Int32]) = ([], [])
        newStarts.reserveCapacity(changes.count)
        newEnds.reserveCapacity(changes.count)
        var position = skipped
        for change in changes {
            if change.change > 0 {
                newStarts.append(position > 0 ? starts[position - 1] : origin)
                newEnds.append(position > 0 ? ends[position - 1] : origin)
            } else {
                newStarts.append(starts[position])
                newEnds.append(ends[position])
                position += 1 - change.change
            }
        }
        scalars = changes.map(\.scalar)
        (starts, ends) = (newStarts, newEnds)
    }

    /// Keeps the scalars that satisfy a predicate, each with its origin.
    mutating func filter(_ keeps: (UInt32) -> Bool) {
        var kept = 0
        for index in 0..<count where keeps(scalars[index]) {
            (scalars[kept], starts[kept], ends[kept]) = (scalars[index], starts[index], ends[index])
            kept += 1
        }
        keep(0..<kept)
    }

    /// Keeps a range.
    mutating func keep(_ range: Range<Int>) {
        scalars = Array(scalars[range])
        starts = Array(starts[range])
        ends = Array(ends[range])
    }

    /// Puts another scalar in place of each.
    mutating func map(_ transform: (UInt32) -> UInt32) {
        for index in 0..<count { scalars[index] = transform(scalars[index]) }
    }

    /// Puts `content` in place of each match of `pattern`. What is new shares the origin of the last scalar replaced.
    mutating func replace(_ pattern: Pattern, with content: [UInt32]) {
        let matches = pattern.matches(in: scalars[...])
        guard !matches.isEmpty else { return }
        var result = NormalizedText([], origin: Int(origin))
        result.reserveCapacity(count + matches.count * content.count)
        var done = 0
        for match in matches {
            result.append(self, done..<match.lowerBound)
            for scalar in content { result.append(scalar, starts[match.upperBound - 1], ends[match.upperBound - 1]) }
            done = match.upperBound
        }
        result.append(self, done..<count)
        self = result
    }

    /// Puts scalars before the first; they share its origin. An empty text stays empty.
    mutating func prepend(_ content: [UInt32]) {
        guard let start = starts.first, let end = ends.first else { return }
        scalars.insert(contentsOf: content, at: 0)
        starts.insert(contentsOf: repeatElement(start, count: content.count), at: 0)
        ends.insert(contentsOf: repeatElement(end, count: content.count), at: 0)
    }

    /// Adds a range of another text.
    private mutating func append(_ other: NormalizedText, _ range: Range<Int>) {
        scalars += other.scalars[range]
        starts += other.starts[range]
        ends += other.ends[range]
    }

    mutating func reserveCapacity(_ capacity: Int) {
        scalars.reserveCapacity(capacity)
        starts.reserveCapacity(capacity)
        ends.reserveCapacity(capacity)
    }

    /// Adds a scalar whose original is `start..<end`.
    @inline(__always)
    mutating func append(_ scalar: UInt32, _ start: Int32, _ end: Int32) {
        scalars.append(scalar)
        starts.append(start)
        ends.append(end)
    }
}
