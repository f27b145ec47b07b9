/// A stage that splits the normalized text to words: the `pre_tokenizer` of tokenizer.json.
enum PreTokenizer: Equatable, Sendable {
    /// At white space, which goes, then around each punctuation character.
    case bert
    /// To runs of word characters and runs of what is neither that nor white space (`\w+|[^\w\s]+`).
    case whitespace
    /// At white space, which goes.
    case whitespaceSplit
    case punctuation(Behavior)
    case sequence([PreTokenizer])

    /// Where a separating character goes.
    enum Behavior: String, CaseIterable, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// The words of a range of scalars, as ranges of the same; none is empty.
    func split(_ scalars: [UInt32], _ range: Range<Int>) -> [Range<Int>] {
        let tables = UnicodeTables.shared
        switch self {
        case .bert:
            return PreTokenizer.sequence([.whitespaceSplit, .punctuation(.isolated)]).split(scalars, range)
        case .whitespace:
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
        case .whitespaceSplit:
            return split(range, .removed) { tables[scalars[$0]].contains(.whitespace) }
        case .punctuation(let behavior):
            return split(range, behavior) { tables[scalars[$0]].contains(.punctuation) }
        case .sequence(let preTokenizers):
            return preTokenizers.reduce([range]) { ranges, preTokenizer in
                ranges.flatMap { preTokenizer.split(scalars, $0) }
            }
        }
    }

    /// Splits at each position that is a separator.
    private func split(
        _ range: Range<Int>, _ behavior: Behavior, at isSeparator: (Int) -> Bool
    ) -> [Range<Int>] {
        // Runs between separators, and each separator for itself.
        var parts: [(range: Range<Int>, isSeparator: Bool)] = []
        for index in range {
            if isSeparator(index) {
                parts.append((index..<index + 1, true))
            } else if let last = parts.last, !last.isSeparator {
                parts[parts.count - 1].range = last.range.lowerBound..<index + 1
            } else {
                parts.append((index..<index + 1, false))
            }
        }
        var words: [Range<Int>] = []
        var wasSeparator = false
        switch behavior {
        case .removed: return parts.filter { !$0.isSeparator }.map(\.range)
        case .isolated: return parts.map(\.range)
        case .contiguous, .mergedWithPrevious:
            for part in parts {
                let joins =
                    behavior == .contiguous
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
