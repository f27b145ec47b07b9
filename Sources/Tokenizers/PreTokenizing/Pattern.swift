/// What the stages look for in a text: the `pattern` of tokenizer.json.
enum Pattern: Equatable, Sendable {
    /// A text that is not empty.
    case literal([UInt32])
    case expression(Expression)

    /// Where the match that starts at a position ends.
    func matchEnd(in scalars: ArraySlice<UInt32>, from start: Int) -> Int? {
        switch self {
        case .literal(let literal):
            scalars[start...].starts(with: literal) ? start + literal.count : nil
        case .expression(let expression): expression.matchEnd(in: scalars, from: start)
        }
    }

    /// The matches in a range, from the left, none in another.
    func matches(in scalars: ArraySlice<UInt32>) -> [Range<Int>] {
        var matches: [Range<Int>] = []
        var position = scalars.startIndex
        while position < scalars.endIndex {
            if let end = matchEnd(in: scalars, from: position) {
                matches.append(position..<end)
                position = end
            } else {
                position += 1
            }
        }
        return matches
    }
}

extension Pattern {
    /// Reads a pattern of tokenizer.json.
    init(_ json: JSONObject) throws(TokenizerError) {
        try json.allow(only: ["String", "Regex"])
        if json.has("Regex") {
            guard let expression = Expression(try json.string("Regex")) else {
                throw json.unexpected(
                    "Regex", "a regular expression of classes and counts that is not empty, such as “ {2,}” or “\\s+”")
            }
            self = .expression(expression)
        } else {
            let scalars = try json.string("String").unicodeScalars.map(\.value)
            guard !scalars.isEmpty else { throw json.unexpected("String", "a string that is not empty") }
            self = .literal(scalars)
        }
    }
}
