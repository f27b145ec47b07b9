import FineTuning
import Tokenizers

/// The texts that are measured on: somebody's own, or made of their running words to a length in tokens.
package struct BenchmarkTexts: Sendable {
    /// The texts as they are.
    package let whole: [TextInput]
    /// The words of all of them, in order.
    private let words: [Substring]

    /// The given texts; nil if there is not a word in them.
    package init?(_ texts: [TextInput]) {
        whole = texts
        words = texts.flatMap { $0.text.split(whereSeparator: \.isWhitespace) }
        if words.isEmpty { return nil }
    }

    /// `count` texts of at most `tokens` tokens each, special tokens included, and short of that by less than the next word.
    ///
    /// They are consecutive runs of the words, from the first on and around again.
    package func texts(count: Int, tokens limit: Int, _ model: AdaptedModel) throws -> [TextInput] {
        var lengths: [Substring: Int] = [:]
        func tokens(of text: String) throws -> Int {
            try model.tokenizer.tokenize(text, pairedWith: nil, limit: Int(Int32.max)).ids.count
        }
        let special = try tokens(of: "")
        var next = 0
        return try (0..<count).map { _ in
            var (run, length) = ([Substring](), special)
            while run.count < limit {
                let word = words[next % words.count]
                let added = try lengths[word] ?? tokens(of: String(word)) - special
                lengths[word] = added
                // A word that alone is longer than the limit is left to be cut.
                if length + added > limit, !run.isEmpty { break }
                run.append(word)
                length += added
                next += 1
                if length >= limit { break }
            }
            return TextInput(run.joined(separator: " "))
        }
    }
}
