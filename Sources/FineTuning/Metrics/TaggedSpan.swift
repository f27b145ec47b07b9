/// An entity in a sequence of tags: a type, and the words that it is made of.
public struct TaggedSpan: Sendable, Hashable {
    /// The entity's type.
    public let type: String
    /// The words, by their places in the sentence.
    public let words: Range<Int>

    /// An entity of a type on some words.
    public init(type: String, words: Range<Int>) { (self.type, self.words) = (type, words) }

    /// The entities in the tags of one sentence, in their order, as seqeval finds them where it is told no scheme.
    ///
    /// Any sequence has a meaning, also one that no scheme allows: an `I-` or `E-` that continues nothing of its type begins
    /// an entity, and one that is never ended goes on to the last word that continues it. What is no tag is outside.
    public static func all(in tags: [String]) -> [TaggedSpan] {
        var spans: [TaggedSpan] = []
        var previous = Tag.outside
        var start = 0
        for (word, name) in (tags + [Tag.outside.name]).enumerated() {
            let tag = Tag(name) ?? .outside
            if !tag.continues(previous) {
                if previous.place != .outside { spans.append(TaggedSpan(type: previous.type, words: start..<word)) }
                start = word
            }
            previous = tag
        }
        return spans
    }

    /// The entities in the tags of one sentence that are written by the rules of a scheme, as seqeval finds them in its strict
    /// mode. What is not, and a tag that the scheme has not, is no entity.
    public static func all(in tags: [String], strictly scheme: TagScheme) -> [TaggedSpan] {
        var spans: [TaggedSpan] = []
        /// The words from the last beginning on, as long as they go on.
        var open: Range<Int>?
        var previous = Tag.outside
        for (word, name) in (tags + [Tag.outside.name]).enumerated() {
            let tag = Tag(name) ?? .outside
            if let words = open, tag.continues(previous), scheme == .iobes || tag.place == .inside {
                open = words.lowerBound..<word + 1
            } else {
                let isWhole = scheme == .bio || previous.place == .end || previous.place == .single
                if let words = open, isWhole { spans.append(TaggedSpan(type: previous.type, words: words)) }
                let isBeginning = tag.place == .begin || scheme == .iobes && tag.place == .single
                open = isBeginning ? word..<word + 1 : nil
            }
            previous = tag
        }
        return spans
    }
}
