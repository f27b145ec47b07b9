/// How well predicted tags agree with true ones: entity by entity, and word by word.
///
/// An entity is right if its type and its first and last word are. Figures equal those of seqeval (micro average), without a
/// scheme as in its default mode, with one as in its strict mode; a quotient with nothing below the line is 0.
public struct TaggingMetrics: Sendable, Equatable, Codable {
    /// How many entities of one type there are.
    public struct TypeScores: Sendable, Equatable, Codable {
        /// The type.
        public let type: String
        /// True entities of the type that were predicted, all that were predicted, and all that are true.
        public let correct, predicted, support: Int

        /// The share of predicted entities that are right.
        public var precision: Double { TaggingMetrics.quotient(correct, predicted) }
        /// The share of true entities that are found.
        public var recall: Double { TaggingMetrics.quotient(correct, support) }
        /// The harmonic mean of both.
        public var f1: Double { TaggingMetrics.quotient(2 * correct, predicted + support) }
    }

    /// Each type that is true or predicted of an entity, in the order of its code points.
    public let types: [TypeScores]
    /// Sentences, their words, and words with the right tag.
    public let sentences, words, correctWords: Int

    /// The scores of predicted tags against true ones, sentence by sentence, one for each word.
    ///
    /// - Parameter scheme: what entities have to be written by to count; nil: any sequence of tags has a meaning.
    /// - Precondition: there is a word, and there are as many predictions as targets.
    public init(targets: [[String]], predictions: [[String]], strictly scheme: TagScheme? = nil) {
        func spans(_ tags: [String]) -> [TaggedSpan] {
            scheme.map { TaggedSpan.all(in: tags, strictly: $0) } ?? TaggedSpan.all(in: tags)
        }
        precondition(targets.count == predictions.count, "each sentence has predictions")
        var (correct, predicted, support) = ([String: Int](), [String: Int](), [String: Int]())
        var (words, correctWords) = (0, 0)
        for (target, prediction) in zip(targets, predictions) {
            precondition(target.count == prediction.count, "each word has a prediction")
            words += target.count
            correctWords += zip(target, prediction).count { $0 == $1 }
            let known = Set(spans(target))
            for span in known { support[span.type, default: 0] += 1 }
            for span in spans(prediction) {
                predicted[span.type, default: 0] += 1
                if known.contains(span) { correct[span.type, default: 0] += 1 }
            }
        }
        precondition(words > 0, "scores need a word")
        types = Set(predicted.keys).union(support.keys).sorted {
            $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars)
        }.map {
            TypeScores(type: $0, correct: correct[$0] ?? 0, predicted: predicted[$0] ?? 0, support: support[$0] ?? 0)
        }
        (sentences, self.words, self.correctWords) = (targets.count, words, correctWords)
    }

    /// Entities that are true.
    public var support: Int { types.reduce(0) { $0 + $1.support } }
    /// The share of predicted entities, of any type, that are right.
    public var precision: Double { TaggingMetrics.quotient(correct, predicted) }
    /// The share of true entities that are found.
    public var recall: Double { TaggingMetrics.quotient(correct, support) }
    /// The harmonic mean of both.
    public var f1: Double { TaggingMetrics.quotient(2 * correct, predicted + support) }
    /// The share of words with the right tag.
    public var wordAccuracy: Double { TaggingMetrics.quotient(correctWords, words) }

    private var correct: Int { types.reduce(0) { $0 + $1.correct } }
    private var predicted: Int { types.reduce(0) { $0 + $1.predicted } }

    private static func quotient(_ part: Int, _ whole: Int) -> Double {
        whole == 0 ? 0 : Double(part) / Double(whole)
    }
}
