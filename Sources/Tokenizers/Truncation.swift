/// How texts are shortened to a number of tokens.
public struct Truncation: Hashable, Sendable {
    /// Which text of a pair is shortened. A single text is always the first.
    public enum Strategy: String, CaseIterable, Sendable {
        /// The longer one, then both, until they are of one length.
        case longestFirst = "longest_first"
        /// Only the first; an error where that is not enough.
        case onlyFirst = "only_first"
        /// Only the second; an error where that is not enough.
        case onlySecond = "only_second"
    }

    /// The end tokens are taken from.
    public enum Side: String, CaseIterable, Sendable {
        /// The beginning of the text is dropped.
        case left
        /// The end of the text is dropped.
        case right
    }

    /// The most tokens a result may have, special tokens included.
    public var limit: Int
    /// Which text of a pair is shortened.
    public var strategy: Strategy
    /// The end tokens are taken from.
    public var side: Side

    /// Makes a truncation to `limit` tokens, special tokens included.
    public init(limit: Int, strategy: Strategy = .longestFirst, side: Side = .right) {
        self.limit = limit
        self.strategy = strategy
        self.side = side
    }

    /// What stays of a text of `count` tokens that may have `maximum`.
    func kept(of count: Int, atMost maximum: Int) -> Range<Int> {
        guard count > maximum else { return 0..<count }
        return side == .right ? 0..<maximum : count - maximum..<count
    }

    /// How many tokens of the first and the second text stay; `room` is the limit without special tokens.
    func lengths(first: Int, second: Int?, room: Int) throws(TokenizerError) -> (first: Int, second: Int) {
        let total = first + (second ?? 0)
        guard total > room else { return (first, second ?? 0) }
        guard room > 0 else { return (0, 0) }
        let excess = total - room
        switch (strategy, second) {
        case (.longestFirst, nil): return (room, 0)
        case (.longestFirst, let second?):
            // The shorter text stays whole while it has no more than half of the room; past that both get half, and
            // the longer one the odd token.
            var (short, long) = (min(first, second), max(first, second))
            long = short > room ? short : max(short, room - short)
            if short + long > room { (short, long) = (room / 2, room / 2 + room % 2) }
            return first > second ? (long, short) : (short, long)
        case (.onlyFirst, _):
            guard first > excess else {
                throw .cannotTruncate(strategy: strategy.rawValue, tokens: first, excess: excess)
            }
            return (first - excess, second ?? 0)
        case (.onlySecond, nil): throw .missingSecondText(tokens: total, limit: room)
        case (.onlySecond, let second?):
            guard second > excess else {
                throw .cannotTruncate(strategy: strategy.rawValue, tokens: second, excess: excess)
            }
            return (first, second - excess)
        }
    }
}
