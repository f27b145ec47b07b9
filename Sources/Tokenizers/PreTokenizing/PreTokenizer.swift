/// A stage that splits the normalized text to words: the `pre_tokenizer` of tokenizer.json.
enum PreTokenizer: Equatable, Sendable {
    /// At white space, which goes, then around each punctuation character.
    case bert
    /// To runs of word characters and runs of what is neither that nor white space (`\w+|[^\w\s]+`).
    case whitespace
    /// At white space, which goes.
    case whitespaceSplit
    case punctuation(Behavior)
    case metaspace(Metaspace)
    /// Around numbers, or around each of their digits.
    case digits(each: Bool)
    /// At what matches a pattern, or at what does not.
    case split(Pattern, Behavior, isInverted: Bool)
    case byteLevel(ByteLevel)
    case sequence([PreTokenizer])

    /// Where a separating character goes.
    enum Behavior: String, CaseIterable, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// Splits the words of a text further, or writes them anew.
    func apply(to text: inout SplitText) {
        let tables = UnicodeTables.shared
        switch self {
        case .bert:
            PreTokenizer.sequence([.whitespaceSplit, .punctuation(.isolated)]).apply(to: &text)
        case .whitespace: text.split(Self.runs)
        case .whitespaceSplit: text.split(.removed) { tables[$0].contains(.whitespace) }
        case .punctuation(let behavior): text.split(behavior) { tables[$0].contains(.punctuation) }
        case .metaspace(let metaspace): metaspace.apply(to: &text)
        case .digits(let each):
            let breaks = GraphemeBreaks.shared
            text.split(each ? .isolated : .contiguous) { breaks.isNumeric($0) }
        case .split(let pattern, let behavior, let isInverted):
            text.split(behavior, at: pattern, isInverted: isInverted)
        case .byteLevel(let byteLevel): byteLevel.apply(to: &text)
        case .sequence(let preTokenizers):
            for preTokenizer in preTokenizers { preTokenizer.apply(to: &text) }
        }
    }

    /// Runs of word characters, and runs of what is neither that nor white space.
    private static func runs(_ scalars: [UInt32], _ range: Range<Int>) -> [Range<Int>] {
        let tables = UnicodeTables.shared
        var words: [Range<Int>] = []
        var last: ScalarTraits?
        for index in range {
            let traits = tables[scalars[index]].intersection([.word, .whitespace])
            if traits == .whitespace {
                last = nil
                continue
            }
            if traits == last, let start = words.popLast()?.lowerBound {
                words.append(start..<index + 1)
            } else {
                words.append(index..<index + 1)
            }
            last = traits
        }
        return words
    }
}

extension SplitText {
    /// Splits each word at each scalar that is a separator.
    mutating func split(_ behavior: PreTokenizer.Behavior, at isSeparator: (UInt32) -> Bool) {
        split { scalars, range in
            // Runs between separators, and each separator for itself.
            var parts: [Part] = []
            for index in range {
                if isSeparator(scalars[index]) {
                    parts.append(Part(range: index..<index + 1, isSeparator: true))
                } else if let last = parts.last, !last.isSeparator {
                    parts[parts.count - 1].range = last.range.lowerBound..<index + 1
                } else {
                    parts.append(Part(range: index..<index + 1, isSeparator: false))
                }
            }
            return behavior.words(of: parts)
        }
    }

    /// Splits each word at what matches a pattern, or at what does not.
    mutating func split(_ behavior: PreTokenizer.Behavior, at pattern: Pattern, isInverted: Bool) {
        split { scalars, range in
            var parts: [Part] = []
            var done = range.lowerBound
            func add(_ range: Range<Int>, isMatch: Bool) {
                if !range.isEmpty { parts.append(Part(range: range, isSeparator: isMatch != isInverted)) }
            }
            for match in pattern.matches(in: scalars[range]) {
                add(done..<match.lowerBound, isMatch: false)
                add(match, isMatch: true)
                done = match.upperBound
            }
            add(done..<range.upperBound, isMatch: false)
            return behavior.words(of: parts)
        }
    }

    /// A stretch of a word: a separator, or what stands between two.
    struct Part {
        var range: Range<Int>
        let isSeparator: Bool
    }
}

extension PreTokenizer.Behavior {
    /// The words that separators, and what stands between them, make: the parts in order, without gap.
    func words(of parts: [SplitText.Part]) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var wasSeparator = false
        switch self {
        case .removed: return parts.filter { !$0.isSeparator }.map(\.range)
        case .isolated: return parts.map(\.range)
        case .contiguous, .mergedWithPrevious:
            for part in parts {
                let joins =
                    self == .contiguous
                    ? part.isSeparator == wasSeparator : part.isSeparator && !wasSeparator
                if joins, let last = words.popLast() {
                    words.append(last.lowerBound..<part.range.upperBound)
                } else {
                    words.append(part.range)
                }
                wasSeparator = part.isSeparator
            }
            return words
        case .mergedWithNext:
            for part in parts.reversed() {
                if part.isSeparator, !wasSeparator, let next = words.popLast() {
                    words.append(part.range.lowerBound..<next.upperBound)
                } else {
                    words.append(part.range)
                }
                wasSeparator = part.isSeparator
            }
            return words.reversed()
        }
    }
}
