/// A regular expression of the kind that stands in tokenizer files: classes of scalars one after the other, each once
/// or a number of times, as ` {2,}` or `\s+`.
///
/// Groups, alternatives and anything else are not known, and such an expression is no `Expression`.
struct Expression: Equatable, Sendable {
    private struct Item: Equatable, Sendable {
        var set: ScalarSet
        var minimum = 1
        /// `Int.max` where there is no most.
        var maximum = 1
    }

    private let items: [Item]

    /// Nil where the expression has more than is known, or matches the empty text.
    init?(_ pattern: String) {
        var reader = Reader(rest: Array(pattern.unicodeScalars)[...])
        var items: [Item] = []
        while !reader.rest.isEmpty {
            guard let set = reader.set(), let (minimum, maximum) = reader.count() else { return nil }
            items.append(Item(set: set, minimum: minimum, maximum: maximum))
        }
        guard items.contains(where: { $0.minimum > 0 }) else { return nil }
        self.items = items
    }

    /// Where the match that starts at a position ends, each part as long as the rest allows.
    func matchEnd(in scalars: ArraySlice<UInt32>, from start: Int) -> Int? {
        matchEnd(of: items[...], in: scalars, from: start)
    }

    private func matchEnd(of items: ArraySlice<Item>, in scalars: ArraySlice<UInt32>, from start: Int) -> Int? {
        guard let item = items.first else { return start }
        var end = start
        while end < scalars.endIndex, end - start < item.maximum, item.set.contains(scalars[end]) { end += 1 }
        while end - start >= item.minimum {
            if let match = matchEnd(of: items.dropFirst(), in: scalars, from: end) { return match }
            end -= 1
        }
        return nil
    }

    /// Scalars that one place of an expression stands for.
    private struct ScalarSet: Equatable, Sendable {
        var ranges: [ClosedRange<UInt32>] = []
        var hasWhitespace = false
        var hasOthersThanWhitespace = false
        var isInverted = false

        func contains(_ scalar: UInt32) -> Bool {
            var isIn = ranges.contains { $0.contains(scalar) }
            if !isIn, hasWhitespace || hasOthersThanWhitespace {
                let isSpace = UnicodeTables.shared[scalar].contains(.whitespace)
                isIn = isSpace ? hasWhitespace : hasOthersThanWhitespace
            }
            return isIn != isInverted
        }
    }

    private struct Reader {
        var rest: ArraySlice<Unicode.Scalar>

        mutating func take(_ scalar: Unicode.Scalar) -> Bool {
            guard rest.first == scalar else { return false }
            rest.removeFirst()
            return true
        }

        /// A scalar, an escape or a class in brackets.
        mutating func set() -> ScalarSet? {
            guard let first = rest.popFirst() else { return nil }
            var set = ScalarSet()
            switch first {
            case "\\": return escape(into: &set) ? set : nil
            case "[":
                set.isInverted = take("^")
                repeat {
                    guard member(into: &set) else { return nil }
                } while !take("]")
                return set
            case ".", "^", "$", "|", "?", "*", "+", "(", ")", "{", "}", "]": return nil
            default:
                set.ranges = [first.value...first.value]
                return set
            }
        }

        /// A scalar, a range or an escape inside brackets.
        private mutating func member(into set: inout ScalarSet) -> Bool {
            guard let first = rest.popFirst() else { return false }
            switch first {
            case "\\": return escape(into: &set)
            case "[", "&", "-", "]": return false
            default:
                var last = first
                if rest.first == "-", rest.dropFirst().first != "]" {
                    rest.removeFirst()
                    guard let end = rest.popFirst(), end != "\\", end != "[", end >= first else { return false }
                    last = end
                }
                set.ranges.append(first.value...last.value)
                return true
            }
        }

        private mutating func escape(into set: inout ScalarSet) -> Bool {
            guard let escaped = rest.popFirst() else { return false }
            switch escaped {
            case "s": set.hasWhitespace = true
            case "S": set.hasOthersThanWhitespace = true
            case "n": set.ranges.append(0x0A...0x0A)
            case "r": set.ranges.append(0x0D...0x0D)
            case "t": set.ranges.append(0x09...0x09)
            // Letters and digits have meanings that are not known here; everything else stands for itself.
            case "0"..."9", "a"..."z", "A"..."Z", "\u{80}"...: return false
            default: set.ranges.append(escaped.value...escaped.value)
            }
            return true
        }

        /// How often: `?`, `*`, `+`, `{2}`, `{2,}`, `{2,3}`, else once.
        mutating func count() -> (minimum: Int, maximum: Int)? {
            var count: (minimum: Int, maximum: Int) = (1, 1)
            if take("?") {
                count.minimum = 0
            } else if take("*") {
                count = (0, .max)
            } else if take("+") {
                count.maximum = .max
            } else if take("{") {
                guard let minimum = number() else { return nil }
                count = (minimum, minimum)
                if take(",") { count.maximum = rest.first == "}" ? .max : number() ?? -1 }
                guard take("}"), count.maximum >= count.minimum else { return nil }
            } else {
                return count
            }
            // A second one would make it lazy or possessive.
            return ["?", "*", "+", "{"].contains(rest.first) ? nil : count
        }

        private mutating func number() -> Int? {
            var digits = ""
            while let digit = rest.first, ("0"..."9").contains(digit) {
                digits.unicodeScalars.append(digit)
                rest.removeFirst()
            }
            return Int(digits)
        }
    }
}
