/// One row of a data set: a text, a pair of texts or a triplet, and what is said about it.
public struct Example: Sendable, Equatable {
    /// The text, the first of a pair; for a tagged sentence its tokens with a space between.
    public let text: String
    /// The second text of a pair.
    public let pair: String?
    /// The text of a triplet that does not belong to the first, as the second does.
    public let negative: String?
    /// The words of a sentence whose words are tagged one by one, nil for other texts.
    public let tokens: [String]?
    /// What is said about the text, nil where labels were not read, or texts that belong together are all there is.
    public let label: Label?
    /// The line of the source that the example begins on, from 1.
    public let line: Int

    /// What is said about a text, as the source writes it: which of them an objective accepts is its own affair.
    public enum Label: Sendable, Equatable {
        /// The name of a class. `true` and `false` in JSON are the names "true" and "false".
        case name(String)
        /// A number in JSON: a class or a score.
        case number(Double)
        /// The names of several classes, or of none.
        case names([String])
        /// One name for each token.
        case tags([String])
    }

    /// A text with its label.
    public init(
        _ text: String, pairedWith pair: String? = nil, negative: String? = nil, label: Label? = nil, line: Int = 1
    ) {
        precondition(negative == nil || pair != nil, "a triplet has a second text")
        (self.text, self.pair, self.negative, self.label, self.line) = (text, pair, negative, label, line)
        tokens = nil
    }

    /// A sentence of tokens, with as many tags where they are known.
    public init(tokens: [String], tags: [String]? = nil, line: Int = 1) {
        precondition(tags.map { $0.count == tokens.count } ?? true, "each token has a tag")
        (text, pair, negative, self.line) = (tokens.joined(separator: " "), nil, nil, line)
        self.tokens = tokens
        label = tags.map { .tags($0) }
    }

    /// The text or texts without what is said about them.
    public var input: TextInput {
        tokens.map { TextInput(words: $0) } ?? TextInput(text, pairedWith: pair, negative: negative)
    }
}

extension Example.Label {
    /// The class that a single label names: a number is named by its digits. Nil for lists.
    public var className: String? {
        switch self {
        case .name(let name): name
        case .number(let number): Int(exactly: number).map(String.init) ?? "\(number)"
        case .names, .tags: nil
        }
    }

    /// The finite number that a single label is, or is written as. Nil for other text and for lists.
    public var score: Double? {
        switch self {
        case .name(let name): Double(name).flatMap { $0.isFinite ? $0 : nil }
        case .number(let number): number
        case .names, .tags: nil
        }
    }

    /// All names in it: one, or those of the list.
    public var names: [String] {
        switch self {
        case .name, .number: className.map { [$0] } ?? []
        case .names(let names), .tags(let names): names
        }
    }

    /// The kind of label, for errors.
    var kind: String {
        switch self {
        case .name: "text"
        case .number: "a number"
        case .names: "a list"
        case .tags: "a list of tags"
        }
    }
}
